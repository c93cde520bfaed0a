"""The registry of components by kind, name and alias, with their origins.  numbann.plugins fills it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from numbann.components.component import KINDS, Component, Configured, place_of
from numbann.components.declare import freeze
from numbann.errors import ClashError, RegistryError, did_you_mean


@dataclass(frozen=True)
class Origin:
    """Where a component comes from: its distribution or file, the distribution's version, and the module."""

    owner: str
    version: str
    module: str

    def __str__(self) -> str:
        return f"{self.owner} {self.version}".strip()


@dataclass(frozen=True)
class Entry:
    """A component and its origin."""

    component: Component
    origin: Origin


class Registry:
    """Components by kind and name.  A name or an alias is unique within its kind; a clash is an error."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Entry] = {}
        self._aliases: dict[tuple[str, str], str] = {}

    def register(self, component: Any, origin: Origin) -> Component:
        """Add a decorated function or a Component; RegistryError with both owners if one of its names is taken."""
        frozen = freeze(component)
        for name in (frozen.name, *frozen.aliases):
            other = self.find(frozen.kind, name)
            if other is not None:
                raise ClashError(_clash(frozen, name, other, origin), frozen.kind, name)
        self._entries[frozen.kind, frozen.name] = Entry(frozen, origin)
        for alias in frozen.aliases:
            self._aliases[frozen.kind, alias] = frozen.name
        return frozen

    def copy(self) -> Registry:
        """Return an independent registry with the same entries."""
        other = Registry()
        other._entries.update(self._entries)
        other._aliases.update(self._aliases)
        return other

    def replace_with(self, other: Registry) -> None:
        """Replace all entries by those of another registry."""
        self._entries, self._aliases = other._entries, other._aliases

    def find(self, kind: str, name: str) -> Entry | None:
        """Return the entry of a name or an alias, or None."""
        return self._entries.get((kind, self._aliases.get((kind, name), name)))

    def get(self, kind: str, name: str) -> Component:
        """Return the component of a name or an alias; RegistryError with the nearest names if there is none."""
        entry = self.find(kind, name)
        if entry is None:
            raise RegistryError(self.unknown(kind, name))
        return entry.component

    def configured(self, kind: str, name: str, **values: Any) -> Configured:
        """Return the component of a name with values for its parameters, and defaults for the rest."""
        return self.get(kind, name).configured(**values)

    def names(self, kind: str) -> list[str]:
        """Return the names of a kind, sorted, without aliases."""
        return sorted(name for of, name in self._entries if of == kind)

    def entries(self, kind: str | None = None) -> Iterator[Entry]:
        """Yield all entries, or those of one kind, ordered by kind and then by name."""
        for of in KINDS if kind is None else (kind,):
            for name in self.names(of):
                yield self._entries[of, name]

    def unknown(self, kind: str, name: str) -> str:
        """Return the message for an unknown name: what was given, the nearest name, and how to list the known ones."""
        known = [*self.names(kind), *(alias for of, alias in self._aliases if of == kind)]
        names, hint = self.names(kind), did_you_mean(name, known)
        return f'unknown {kind} "{name}"{hint} ({len(names)} are known: {_some(names)}; numbann plugins list)'


def _clash(component: Component, name: str, other: Entry, origin: Origin) -> str:
    """The message for a name that is taken: where, by whom, and the remedy."""
    subject = f'{place_of(component.function)}: {component.kind} "{name}" is registered twice'
    if other.origin == origin:
        return f"{subject} by {origin}, first for {place_of(other.component.function)}; register it once"
    return f"{subject}: by {other.origin} and by {origin}; rename one of them, or leave one plugin out"


def _some(names: list[str]) -> str:
    """Return a few names for a message."""
    return ", ".join(names) if len(names) <= 8 else ", ".join([*names[:7], "..."])
