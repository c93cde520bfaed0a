"""A registry that loads installed plugins when one of their components is needed; plugin.py loads one."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

from numbann.components.built_in import built_in
from numbann.components.registry import Entry, Registry
from numbann.errors import ClashError, NumbannError, PluginWarning
from numbann.plugins.plugin import Plugin


class Catalogue(Registry):
    """The built-in components and those of plugins; a plugin is loaded when one of its names is looked up.

    A name that no plugin announces loads them all.  A plugin that fails is left out with a warning; if it announces the
    name that was looked up, that is an error.
    """

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        super().__init__()
        self.replace_with(built_in().copy())
        self.plugins = list(plugins)
        self.failed: dict[Plugin, NumbannError] = {}
        self._waiting = [plugin for plugin in plugins if plugin.allowed]

    def find(self, kind: str, name: str) -> Entry | None:
        """The entry of a name or an alias, or None; ClashError if two plugins, or a plugin and numbann, provide it."""
        failed = self._load(plugin for plugin in self._waiting if name in plugin.names)
        self._refuse_clash(kind, name)
        entry = super().find(kind, name)
        if entry is None:
            failed += self._load(self._waiting)
            entry = super().find(kind, name)
        _warn(self.failed[plugin] for plugin in failed if entry is not None or name not in plugin.names)
        return entry

    def find_named(self, name: str) -> list[Entry]:
        """The entries of a name or an alias, of all kinds."""
        failed = self._load(plugin for plugin in self._waiting if name in plugin.names)
        if not self._entries_named(name):
            failed += self._load(self._waiting)
        found = self._entries_named(name)
        _warn(self.failed[plugin] for plugin in failed if found or name not in plugin.names)
        return found

    def load_all(self) -> None:
        """Load every plugin that is allowed."""
        _warn(self.failed[plugin] for plugin in self._load(self._waiting))

    def add(self, plugin: Plugin) -> None:
        """Load one more plugin now; an error if it fails.

        Installed plugins with one of its names are loaded first, so that a clash is found.
        """
        self.plugins.append(plugin)
        names = {name for component in plugin.components() for name in (component.name, *component.aliases)}
        self._load(other for other in self._waiting if names & set(other.names))
        plugin.register_in(self)

    def try_to_add(self, plugin: Plugin) -> bool:
        """Load one more plugin now; False, and a warning, if it fails."""
        try:
            self.add(plugin)
        except NumbannError as error:
            self.failed[plugin] = error
            _warn([error])
        return plugin not in self.failed

    def unknown(self, kind: str, name: str) -> str:
        """The message for an unknown name."""
        explain_absence = self.explain_absence(name)
        return f'{kind} "{name}" {explain_absence}' if explain_absence else super().unknown(kind, name)

    def explain_absence(self, name: str) -> str:
        """Why the plugin that announces a name does not provide it; empty if no plugin announces it."""
        for plugin in self.plugins:
            if name in plugin.names and plugin in self.failed:
                return f"would come from a plugin that failed: {self.failed[plugin]}"
            if name in plugin.names and not plugin.allowed:
                return f"comes from {plugin.origin}, which NUMBANN_PLUGINS leaves out; add it there"
        return ""

    def _entries_named(self, name: str) -> list[Entry]:
        return [entry for entry in self.entries() if name in (entry.component.name, *entry.component.aliases)]

    def _load(self, plugins: Iterable[Plugin]) -> list[Plugin]:
        """Load plugins; returns those that failed."""
        failed = []
        for plugin in list(plugins):
            self._waiting.remove(plugin)
            try:
                plugin.register_in(self)
            except NumbannError as error:
                self.failed[plugin] = error
                failed.append(plugin)
        return failed

    def _refuse_clash(self, kind: str, name: str) -> None:
        for error in self.failed.values():
            if isinstance(error, ClashError) and (error.kind, error.name) == (kind, name):
                raise error


def _warn(errors: Iterable[NumbannError]) -> None:
    for error in errors:
        warnings.warn(f"{error} (it is left out)", PluginWarning, stacklevel=4)
