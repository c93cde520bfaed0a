"""One plugin, a module or a file: importing it and calling its hooks.

Whatever a plugin raises becomes one PluginError, which names its file and line.  declare.py and registry.py check its
components.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from numbann.components import hookspecs
from numbann.components.component import Component, Origin, arguments_of, place_of
from numbann.components.declare import freeze
from numbann.components.registry import OWN, Registry
from numbann.errors import NumbannError, PluginError, did_you_mean
from numbann.plugins.causes import describe_cause, find_line
from numbann.plugins.distributions import Announcement

ANNOUNCE = 'add COMMAND = "MODULE" to [project.entry-points."numbann.commands"]'
HOOKS = [name for name in vars(hookspecs) if name.startswith("numbann_")]


class Plugin:
    """A plugin with its origin.  It is imported once, when it is needed; an error is stored and raised again.

    names, commands: those of its components and of its commands that are known without an import; commands is None for
    a file, which may add any.  allowed: whether it may be used.
    """

    def __init__(
        self,
        origin: Origin,
        load: Callable[[], ModuleType],
        names: Sequence[str] = (),
        commands: Sequence[str] | None = None,
        allowed: bool = True,
    ) -> None:
        self.origin, self.names, self.commands, self.allowed = origin, tuple(names), commands, allowed
        self._load = load
        self._manager: pluggy.PluginManager | PluginError | None = None
        self._parts: tuple[Component | PluginError, ...] | PluginError | None = None

    def announces(self, name: str) -> bool:
        """Whether it is known, without an import, to have a name, bare or with its owner."""
        owner, _, bare = name.rpartition(":")
        return self.origin.is_called(owner) if owner else bare in self.names

    def may_add(self, command: str | None) -> bool:
        """Whether it may add a command, or any at all, as far as is known without an import."""
        return self.commands is None or (command in self.commands if command else bool(self.commands))

    def components(self) -> tuple[Component, ...]:
        """The components that it registers; PluginError, with every fault, if anything goes wrong."""
        faults = [part for part in self.parts() if isinstance(part, PluginError)]
        if faults:
            raise faults[0] if len(faults) == 1 else PluginError("\n".join(map(str, faults)))
        return tuple(part for part in self.parts() if isinstance(part, Component))

    def parts(self) -> tuple[Component | PluginError, ...]:
        """What it registers: components, and the errors of those that break the rules; PluginError if it fails."""
        if self._parts is None:
            self._parts = self._attempt(self._collect_parts)
        return _unwrap(self._parts)

    def register_in(self, registry: Registry) -> None:
        """Register all of its components, or none if two of them have one name."""
        trial = registry.copy()
        for component in self.components():
            trial.register(component, self.origin)
        registry.replace_with(trial)

    def add_commands(self, group: Any) -> None:
        """Let it add commands to a Click group; PluginError if anything goes wrong."""
        _unwrap(self._attempt(lambda: self._hooks().numbann_commands(group=group)))

    def _collect_parts(self) -> tuple[Component | PluginError, ...]:
        found: list[Component | PluginError] = []
        self._hooks().numbann_register(register=lambda given: found.append(self._attempt(lambda: self._own(given))))
        return tuple(found)

    def _own(self, given: Any) -> Component:
        """A component as this plugin's."""
        component = freeze(given)
        return component if self.origin.owner == OWN else replace(component, plugin=self.origin)

    def _hooks(self) -> Any:
        """The hooks of this plugin alone."""
        if self._manager is None:
            self._manager = self._attempt(self._load_hooks)
        return _unwrap(self._manager).hook

    def _load_hooks(self) -> pluggy.PluginManager:
        module = self._load()
        for fault in _find_faults(module, self.commands):
            raise PluginError(f"{self.origin}: {fault}")
        manager = pluggy.PluginManager("numbann")
        manager.add_hookspecs(hookspecs)
        manager.register(module)
        return manager

    def _attempt(self, step: Callable[[], Any]) -> Any:
        """The result of a step, or the error that it raises."""
        try:
            return step()
        except NumbannError as error:
            told = str(error)
            return _plugin_error(told if told.startswith(f"{self.origin}: ") else f"{self.origin}: {told}", error)
        except (Exception, SystemExit) as error:
            return _plugin_error(f"{self.origin}: its hook failed: {describe_cause(error, self.origin.owner)}", error)


def plugin_of_file(path: Path) -> Plugin:
    """The plugin in a file."""
    return Plugin(Origin(str(path), "", path.stem), lambda: import_file(path))


def plugin_of_distribution(one: Announcement) -> Plugin:
    """The plugin in a module of an installed distribution."""
    origin = Origin(one.distribution, one.version, one.module)
    return Plugin(origin, lambda: import_module(origin), one.names, one.commands, one.allowed)


def register_module(registry: Registry, module: ModuleType, origin: Origin) -> None:
    """Register the components of an imported module, or none if one of them is refused."""
    Plugin(origin, lambda: module).register_in(registry)


def import_file(path: Path) -> ModuleType:
    """Import a plugin's file, under a name made from its path, so that two files of one name do not collide."""
    if path.is_dir():
        raise PluginError(f"{path}: is a directory; name the plugin's Python file in it")
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
        raise PluginError(f"{path}: failed to import: {describe_cause(error, str(path))}") from error
    return module


def import_module(origin: Origin) -> ModuleType:
    """Import a plugin's module; PluginError if that fails."""
    if ":" in origin.module:
        raise PluginError(f"{origin}: its entry point names {origin.module}; let it name the module alone")
    try:
        return importlib.import_module(origin.module)
    except (Exception, SystemExit) as error:
        raise PluginError(f"{origin}: failed to import: {describe_cause(error, origin.owner)}") from error


def _find_faults(module: ModuleType, commands: Sequence[str] | None) -> Iterator[str]:
    """The faults of an imported module that show before a hook is called: place, fault, remedy."""
    api = getattr(module, "NUMBANN_API", hookspecs.API)
    if api != hookspecs.API:
        place = find_line(module, "NUMBANN_API")
        yield f"{place}: written for plugin API {api}; this numbann has {hookspecs.API}: install versions that fit"
    marked = [name for name in dir(module) if _is_hook(module, name)]
    for name in sorted(set(marked) - set(HOOKS)):
        hint = did_you_mean(name, HOOKS)
        yield f"{place_of(getattr(module, name))}: unknown hook{hint} (hooks: {', '.join(HOOKS)})"
    for name in sorted(set(marked) & set(HOOKS)):
        function = getattr(module, name)
        given = arguments_of(getattr(hookspecs, name))
        if set(arguments_of(function)) - set(given):
            yield f"{place_of(function)}: takes {', '.join(arguments_of(function))}; name it {', '.join(given)}"
    if "numbann_commands" in marked and commands == ():
        yield f"{place_of(module.numbann_commands)}: no entry point names its commands; {ANNOUNCE}"
    if not marked:
        yield f"{find_line(module, 'def numbann_')}: no hook found; is @hookimpl missing on numbann_register?"


def _is_hook(module: ModuleType, name: str) -> bool:
    """Whether a name of a module is marked with @hookimpl, but not as an optional hook."""
    options = getattr(getattr(module, name, None), "numbann_impl", None)
    return isinstance(options, dict) and not options["optionalhook"]


def _plugin_error(message: str, error: BaseException) -> PluginError:
    failure = PluginError(message)
    failure.__cause__ = error
    return failure


def _unwrap(result: Any) -> Any:
    if isinstance(result, PluginError):
        raise result
    return result
