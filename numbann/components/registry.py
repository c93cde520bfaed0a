"""Names, aliases, clashes and origins of components.  It finds and imports nothing: numbann.plugins does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
        """Add a decorated function or a Component; RegistryError naming both owners if a name of it is taken."""
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
        """An independent registry with the same entries."""
        other = Registry()
        other._entries.update(self._entries)
        other._aliases.update(self._aliases)
        return other

    def without(self, names: Iterable[tuple[str, str]]) -> Registry:
        """An independent registry without what has these kinds and names, or aliases."""
        left_out, other = set(names), Registry()
        for entry in self.entries():
            component = entry.component
            if not left_out & {(component.kind, name) for name in (component.name, *component.aliases)}:
                other.register(component, entry.origin)
        return other

    def replace_with(self, other: Registry) -> None:
        """Take over another registry's entries."""
        self._entries, self._aliases = other._entries, other._aliases

    def find(self, kind: str, name: str) -> Entry | None:
        """The entry of a name or an alias, or None."""
        return self._entries.get((kind, self._aliases.get((kind, name), name)))

    def get(self, kind: str, name: str) -> Component:
        """The component of a name or an alias; RegistryError with the nearest names if there is none."""
        entry = self.find(kind, name)
        if entry is None:
            raise RegistryError(self.unknown(kind, name))
        return entry.component

    def configured(self, kind: str, name: str, **values: Any) -> Configured:
        """The component of a name with values for its parameters, defaults for the rest."""
        return self.get(kind, name).configured(**values)

    def names(self, kind: str) -> list[str]:
        """The names of a kind, sorted, without aliases."""
        return sorted(name for of, name in self._entries if of == kind)

    def entries(self, kind: str | None = None) -> Iterator[Entry]:
        """All entries, of one kind if it is given, in the order of kinds and then of names."""
        for of in KINDS if kind is None else (kind,):
            for name in self.names(of):
                yield self._entries[of, name]

    def unknown(self, kind: str, name: str) -> str:
        """The message for an unknown name: what was given, the nearest name, and how to see what is known."""
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
    """A few names for a message."""
    return ", ".join(names) if len(names) <= 8 else ", ".join([*names[:7], "..."])
