"""A registry that loads installed plugins when one of their components is needed; plugin.py loads one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from numbann.components.built_in import built_in
from numbann.components.names import bare_name
from numbann.components.registry import OWN, Entry, Registry
from numbann.components.roles import KINDS
from numbann.errors import NumbannError, PluginWarning, warn
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
        self._waiting = [plugin for plugin in plugins if plugin.allowed and plugin.names]

    def find_all(self, kind: str, name: str) -> Sequence[Entry]:
        """The entries of a name or an alias, bare or with its owner, numbann's own first."""
        return self._look_up(name, lambda: self._registered(kind, name))

    def find(self, kind: str, name: str) -> Entry | None:
        """The entry that a name or an alias means, or None; a warning if a plugin has numbann's own name."""
        entry = super().find(kind, name)
        if entry is not None and entry.origin.owner == OWN:
            for other in self._registered(kind, name)[1:]:
                message = f'{kind} "{name}" is numbann\'s own; that of {other.origin} is "{other.component.title}"'
                warn(message, PluginWarning)
        return entry

    def find_named(self, name: str) -> Sequence[Entry]:
        """The entries of a name or an alias, of all kinds, bare or with its owner."""
        return self._look_up(name, lambda: [entry for kind in KINDS for entry in self._registered(kind, name)])

    def load_all(self) -> None:
        """Load every plugin that is allowed."""
        _warn(self.failed[plugin] for plugin in self._load(self._waiting))

    def add(self, plugin: Plugin) -> None:
        """Load one more plugin now; an error if it fails."""
        self.plugins.append(plugin)
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
            if plugin.announces(name) and plugin in self.failed:
                return f"would come from a plugin that failed: {self.failed[plugin]}"
            if plugin.announces(name) and not plugin.allowed:
                return f"comes from {plugin.origin}, which NUMBANN_PLUGINS leaves out; add it there"
            if plugin.announces(name) and bare_name(name) in self.broken_promises(plugin):
                point = f'{plugin.origin} has an entry point "{bare_name(name)}"'
                return f"is not there: {point}, but its module {plugin.origin.module} registers no such name"
        return ""

    def broken_promises(self, plugin: Plugin) -> list[str]:
        """The entry points of a loaded plugin whose names it does not register."""
        if plugin in self.failed or plugin in self._waiting or not plugin.allowed or not plugin.names:
            return []
        registered = {name for component in plugin.components() for name in (component.name, *component.aliases)}
        return [name for name in plugin.names if name not in registered]

    def _look_up(self, name: str, find: Callable[[], Sequence[Entry]]) -> Sequence[Entry]:
        """What a search finds once the plugins that announce the name are loaded, and if that is nothing, the rest."""
        failed = self._load(plugin for plugin in self._waiting if plugin.announces(name))
        found = find()
        if not found:
            failed += self._load(self._waiting)
            found = find()
        _warn(self.failed[plugin] for plugin in failed if found or not plugin.announces(name))
        return found

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


def _warn(errors: Iterable[NumbannError]) -> None:
    for error in errors:
        warn(f"{error} (it is left out)", PluginWarning)
