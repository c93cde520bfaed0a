"""The components that a module, a file, a folder or a name stands for."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from numbann.components.built_in import built_in
from numbann.components.component import Component, Origin, place_of
from numbann.components.declare import freeze
from numbann.components.registry import Registry
from numbann.errors import NumbannError, PluginError
from numbann.plugins.finding import with_files
from numbann.plugins.plugin import Plugin, import_module, plugin_of_file


def components_of(what: Any) -> list[Component]:
    """The components of a decorated function, a module or its name, a plugin file, or a folder of plugins."""
    found = list(parts_of(what))
    for part in found:
        if isinstance(part, NumbannError):
            raise part
    return [part for part in found if isinstance(part, Component)]


def parts_of(what: Any) -> Iterator[Component | NumbannError]:
    """The same, with the errors of plugins that fail, and of components that break the rules, in their places."""
    name = what.__name__ if isinstance(what, ModuleType) else str(what)
    if isinstance(what, Component) or hasattr(what, "__numbann__"):
        yield freeze(what)
    elif name.startswith("numbann."):
        yield from (entry.component for entry in built_in().entries() if entry.origin.module == name)
    else:
        registry = with_files()
        for plugin in _find_plugins(what):
            yield from _parts_of_plugin(plugin, registry)


def _parts_of_plugin(plugin: Plugin, registry: Registry) -> Iterator[Component | NumbannError]:
    try:
        parts = plugin.parts()
    except NumbannError as error:
        yield error
        return
    registered = [_attempt(part, lambda each: registry.register(each, plugin.origin)) for part in parts]
    yield from (_attempt(part, lambda each: _check_link(each, registry)) for part in registered)


def _attempt(part: Component | NumbannError, step: Callable[[Component], Any]) -> Component | NumbannError:
    """A component, or the error that a step with it raises."""
    try:
        if isinstance(part, Component):
            step(part)
    except NumbannError as error:
        return error
    return part


def _check_link(component: Component, registry: Registry) -> None:
    """PluginError for a loss whose link is no activation."""
    link = component.traits.get("link", "identity")
    try:
        registry.named_by(component, "activation", link)
    except NumbannError as error:
        raise PluginError(f"{place_of(component.function)}: its link: {error}") from None


def _find_plugins(what: Any) -> Iterator[Plugin]:
    """The plugins that `what` stands for, not imported yet."""
    if isinstance(what, ModuleType):
        yield Plugin(Origin(what.__name__, "", what.__name__), lambda: what)
    elif Path(what).is_dir():
        yield from _find_in_folder(Path(what))
    elif Path(what).suffix == ".py" or Path(what).is_file():
        yield plugin_of_file(Path(what))
    else:
        yield _plugin_of_module(str(what), str(what))


def _find_in_folder(folder: Path) -> Iterator[Plugin]:
    """The modules of a distribution's entry points; without pyproject.toml each file is a plugin."""
    project = folder / "pyproject.toml"
    if not project.exists():
        yield from map(plugin_of_file, sorted(folder.glob("*.py")))
        return
    with project.open("rb") as file:
        points = tomllib.load(file).get("project", {}).get("entry-points", {}).get("numbann", {})
    if not points:
        raise PluginError(
            f'{project}: no entry points of the group numbann; add [project.entry-points.numbann] with NAME = "MODULE"'
        )
    sys.path[:0] = [str(place.resolve()) for place in (folder / "src", folder) if place.is_dir()]
    yield from (_plugin_of_module(str(folder), name) for name in sorted(set(points.values())))


def _plugin_of_module(owner: str, name: str) -> Plugin:
    origin = Origin(owner, "", name)
    return Plugin(origin, lambda: import_module(origin))
