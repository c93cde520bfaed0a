"""The registry of components by kind, name and alias, with their origins.  numbann.plugins fills it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from numbann.components.component import Component, Configured, Origin, place_of
from numbann.components.declare import freeze
from numbann.components.roles import KINDS
from numbann.errors import ClashError, RegistryError, did_you_mean
from numbann.records import dataclass

OWN = "numbann"  # the owner of what numbann itself provides


@dataclass(frozen=True)
class Entry:
    """A component and its origin; a decorated function becomes a component when it is first asked for."""

    declared: Any
    origin: Origin

    @property
    def component(self) -> Component:
        """The component, one and the same for all threads."""
        made: Component | None = vars(self).get("made")
        return made or vars(self).setdefault("made", freeze(self.declared))


class Registry:
    """Components by kind and name.

    A bare name means numbann's own component, or else that of the one plugin that has it; "OWNER:NAME" means that of a
    plugin, whoever else has the name.
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], tuple[Entry, ...]] = {}  # by kind and by name or alias

    def declare(self, function: Any, origin: Origin) -> None:
        """Add a decorated function of numbann's own, whose names are all different."""
        draft = function.__numbann__.component
        for name in (draft.name, *draft.aliases):
            self._entries[draft.kind, name] = (Entry(function, origin),)

    def register(self, component: Any, origin: Origin) -> Component:
        """Add a decorated function or a Component; ClashError if its owner has registered one of its names before."""
        frozen = freeze(component)
        names = (frozen.name, *frozen.aliases)
        for name in names:
            for other in self._entries.get((frozen.kind, name), ()):
                if other.origin.owner == origin.owner:
                    raise ClashError(_clash(frozen, name, other))
        for name in names:
            key = frozen.kind, name
            self._entries[key] = (*self._entries.get(key, ()), Entry(frozen, origin))
        return frozen

    def copy(self) -> Registry:
        """Return an independent registry with the same entries."""
        other = Registry()
        other._entries.update(self._entries)
        return other

    def replace_with(self, other: Registry) -> None:
        """Replace all entries by those of another registry."""
        self._entries = other._entries

    def find_all(self, kind: str, name: str) -> Sequence[Entry]:
        """Return the entries of a name or an alias, bare or with its owner, numbann's own first."""
        return self._registered(kind, name)

    def _registered(self, kind: str, name: str) -> Sequence[Entry]:
        owner, _, bare = name.rpartition(":")
        found = [one for one in self._entries.get((kind, bare), ()) if not owner or one.origin.is_called(owner)]
        return sorted(found, key=lambda one: one.origin.owner != OWN)

    def find(self, kind: str, name: str) -> Entry | None:
        """Return the entry that a name or an alias means, or None; ClashError if it may mean several plugins'."""
        found = self.find_all(kind, name)
        if len(found) > 1 and found[0].origin.owner != OWN:
            raise ClashError(_ambiguous(kind, name, found))
        return found[0] if found else None

    def get(self, kind: str, name: str) -> Component:
        """Return the component that a name or an alias means; RegistryError with the nearest names if there is none."""
        entry = self.find(kind, name)
        if entry is None:
            raise RegistryError(self.unknown(kind, name))
        return entry.component

    def titled(self, kind: str, title: str) -> Component:
        """Return the component of a title, as `Component.title` gives it; RegistryError if there is none or several."""
        found = self.find_all(kind, title)
        if len(found) > 1 and found[0].origin.owner != OWN:
            raise ClashError(_ambiguous(kind, title, found))
        return found[0].component if found else self.get(kind, title)

    def named_by(self, component: Component, kind: str, name: str) -> Component:
        """Return the component that a trait of another names: numbann's own, else one of the same plugin, else any."""
        owners = {OWN, component.plugin.owner if component.plugin else OWN}
        own = [entry.component for entry in self.find_all(kind, name) if entry.origin.owner in owners]
        return own[0] if own else self.get(kind, name)

    def configured(self, kind: str, name: str, **values: Any) -> Configured:
        """Return the component of a name with values for its parameters, and defaults for the rest."""
        return self.get(kind, name).configured(**values)

    def names(self, kind: str) -> list[str]:
        """Return the names of a kind, sorted, without aliases and owners."""
        return list(dict.fromkeys(entry.component.name for entry in self.entries(kind)))

    def entries(self, kind: str | None = None) -> Iterator[Entry]:
        """Yield all entries, or those of one kind, ordered by kind, name and owner."""
        for of in KINDS if kind is None else (kind,):
            for key in sorted(key for key in self._entries if key[0] == of):
                yield from (entry for entry in self._registered(*key) if entry.component.name == key[1])

    def unknown(self, kind: str, name: str) -> str:
        """Return the message for an unknown name: what was given, the nearest name, and how to list the known ones."""
        known = [bare for of, bare in self._entries if of == kind]
        known += [entry.component.title for entry in self.entries(kind)]
        names, hint = self.names(kind), did_you_mean(name, known)
        return f'unknown {kind} "{name}"{hint} ({len(names)} are known: {_some(names)}; numbann plugins list)'


def _clash(component: Component, name: str, other: Entry) -> str:
    """The message for a name that an owner registers twice."""
    subject = f'{place_of(component.function)}: {component.kind} "{name}" is registered twice'
    return f"{subject} by {other.origin}, first for {place_of(other.component.function)}; register it once"


def _ambiguous(kind: str, name: str, found: Sequence[Entry]) -> str:
    """The message for a name that several plugins have."""
    titles = {entry.component.title for entry in found}
    owners = " and ".join(str(entry.origin) for entry in found)
    if len(titles) < len(found):
        return f'{kind} "{name}" is in {owners}, which have one name in specs; rename one of the files'
    named = " or ".join(f'"{one}"' for one in sorted(titles))
    return f'{kind} "{name}" is in {owners}; name the one that you mean: {named}'


def _some(names: list[str]) -> str:
    """Return a few names for a message."""
    return ", ".join(names) if len(names) <= 8 else ", ".join([*names[:7], "..."])
