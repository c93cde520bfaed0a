"""Finds and imports what provides components: the built-in modules and one-file plugins.

Built-ins come through the same hook as plugins.  Each plugin is loaded alone, so that one that fails is named and
leaves nothing behind.  It judges no component: registry.py and component.py do.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pluggy

from numbann import hookspecs
from numbann.errors import NumbannError, PluginError
from numbann.registry import Origin, Registry

BUILT_IN = (
    "numbann.activations.linear",
    "numbann.activations.sigmoidal",
    "numbann.activations.rectified",
    "numbann.activations.smooth",
    "numbann.activations.gated",
    "numbann.activations.shrinking",
    "numbann.activations.periodic",
    "numbann.activations.normalized",
    "numbann.losses.regression",
    "numbann.losses.positive",
    "numbann.losses.margins",
    "numbann.losses.classification",
    "numbann.losses.focal",
    "numbann.optimizers.descent",
    "numbann.optimizers.adaptive",
    "numbann.optimizers.moments",
    "numbann.optimizers.signs",
    "numbann.optimizers.layerwise",
    "numbann.optimizers.solvers",
    "numbann.schedules",
    "numbann.initializers",
    "numbann.metrics",
)


@functools.cache
def built_in() -> Registry:
    """The registry of everything that numbann itself provides."""
    registry = Registry()
    for name in BUILT_IN:
        register_module(registry, importlib.import_module(name), Origin("numbann", "", name))
    return registry


def with_files(paths: Iterable[Path]) -> Registry:
    """The built-in registry and the one-file plugins at these paths; PluginError if one of them fails."""
    registry = built_in().copy()
    for path in paths:
        register_module(registry, import_file(path), Origin(str(path), "", path.stem))
    return registry


def register_module(registry: Registry, module: ModuleType, origin: Origin) -> None:
    """Call a module's hook; what it registers is kept only if all of it is accepted."""
    if getattr(module, "NUMBANN_API", hookspecs.API) != hookspecs.API:
        raise PluginError(f"{origin}: written for plugin API {module.NUMBANN_API}; this numbann has {hookspecs.API}")
    manager = pluggy.PluginManager("numbann")
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module)
        manager.check_pending()
        if not manager.get_hookcallers(module):
            raise PluginError("no hook found; is @hookimpl missing on numbann_register?")
        trial = registry.copy()
        manager.hook.numbann_register(register=lambda component: trial.register(component, origin))
    except PluginError as error:
        raise PluginError(f"{origin}: {error}") from error
    except NumbannError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"{origin}: its hook failed: {_cause(error)}") from error
    registry.replace_with(trial)


def import_file(path: Path) -> ModuleType:
    """Import a one-file plugin under a name made from its path, so that two files of one name do not collide."""
    if not path.is_file():
        raise PluginError(f"{path}: no such plugin file; plugins are paths of Python files, relative to the spec")
    name = f"numbann_plugin_{path.stem}_{zlib.crc32(str(path.resolve()).encode()):08x}"
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise PluginError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise PluginError(f"{path}: failed to import: {_cause(error)}") from error
    return module


def _cause(error: BaseException) -> str:
    """An error in one line, with the file and line where it was raised."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: SyntaxError: {error.msg}"
    import traceback  # only errors need it

    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}: " if frames else ""
    return f"{place}{type(error).__name__}: {error}"
