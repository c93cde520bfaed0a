"""The components that a module, a file, a folder or a name stands for.  It checks none of them."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from numbann.component import Component, freeze
from numbann.discovery import _cause as cause
from numbann.discovery import built_in, import_file, register_module
from numbann.errors import PluginError
from numbann.registry import Origin


def components_of(what: Any) -> list[Component]:
    """The components of a decorated function, a module or its name, a plugin file, or a folder of either."""
    if isinstance(what, Component) or hasattr(what, "__numbann__"):
        return [freeze(what)]
    registry = built_in().copy()
    before = {id(entry.component) for entry in registry.entries()}
    for module, origin in _modules(what):
        if origin.module.startswith("numbann."):
            return [entry.component for entry in registry.entries() if entry.origin.module == origin.module]
        register_module(registry, module, origin)
    return [entry.component for entry in registry.entries() if id(entry.component) not in before]


def _modules(what: Any) -> Iterator[tuple[ModuleType, Origin]]:
    """The modules that are meant, imported one by one."""
    if isinstance(what, ModuleType):
        yield what, Origin(what.__name__, "", what.__name__)
        return
    path = Path(what)
    if path.is_dir():
        yield from _of_folder(path)
    elif path.suffix == ".py" or path.is_file():
        yield import_file(path), Origin(str(path), "", path.stem)
    else:
        yield _imported(str(what)), Origin(str(what), "", str(what))


def _of_folder(folder: Path) -> Iterator[tuple[ModuleType, Origin]]:
    """A distribution's modules, those of its entry points; without pyproject.toml each file is a plugin."""
    project = folder / "pyproject.toml"
    if not project.exists():
        for path in sorted(folder.glob("*.py")):
            yield import_file(path), Origin(str(path), "", path.stem)
        return
    with project.open("rb") as file:
        points = tomllib.load(file).get("project", {}).get("entry-points", {}).get("numbann", {})
    if not points:
        raise PluginError(
            f'{project}: no entry points of the group numbann; add [project.entry-points.numbann] with NAME = "MODULE"'
        )
    sys.path[:0] = [str(place.resolve()) for place in (folder / "src", folder) if place.is_dir()]
    for name in sorted({point.partition(":")[0] for point in points.values()}):
        yield _imported(name), Origin(str(folder), "", name)


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise PluginError(f"{name}: failed to import: {cause(error)}") from error
