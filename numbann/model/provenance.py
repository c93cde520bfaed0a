"""The provenance of a model: stores the source of its components, and finds them again.

What a file names is looked up by owner, name and hash among what numbann has, what is installed, and the plugins that a
person names.  Nothing in a file says what is imported.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numbann.caches import read_checked, write_checked
from numbann.components.built_in import built_in, is_built_in
from numbann.components.component import Component, Origin
from numbann.components.names import bare_name
from numbann.components.registry import OWN, Entry, Registry
from numbann.errors import PluginError, RunDirectoryError, shown
from numbann.model import sources
from numbann.plugins.catalogue import Catalogue
from numbann.simd.cache import cache_folder

Record = Mapping[str, str]  # what is stored of a component: the texts in KEYS, and in a model also its source
KEYS = ("kind", "name", "owner", "version", "sha256")


def components_of(resolved: Any) -> list[Component]:
    """Return every component that a resolved spec uses, once each, sorted by kind and name."""
    used = [resolved.loss, resolved.optimizer, resolved.schedule, resolved.output_activation]
    used += [course.schedule for course in resolved.courses.values()]
    used += [resolved.embedding] if resolved.embedding else []
    used += [part for layer in resolved.layers for part in (layer.activation, layer.init, layer.bias_init) if part]
    components = [part.component for part in (*used, *resolved.metrics)]
    found = {(component.kind, component.title): component for component in components}
    return [component for _, component in sorted(found.items())]


def record_of(component: Component) -> dict[str, str]:
    """Return a component as JSON values: kind, name, owner, its version, the hash of its code, and its source."""
    origin = component.plugin or Origin(OWN, "", "")
    return {
        "kind": component.kind,
        "name": component.name,
        "owner": origin.owner,
        "version": origin.version,
        "sha256": fingerprint(component),
        "source": _code_of(component)[1],
    }


def are_records(given: Any, *more: str) -> bool:
    """Whether a value read from a file is a list of records, with more texts than KEYS if asked for."""
    return isinstance(given, list) and all(
        isinstance(one, dict) and all(isinstance(one.get(key), str) for key in (*KEYS, *more)) for one in given
    )


def verify(stored: Iterable[Record], components: Iterable[Component], place: str, remedy: str) -> None:
    """Raise RunDirectoryError if the code of one of these components differs from what is stored."""
    hashes = {(record["kind"], _title(record)): record["sha256"] for record in stored}
    for component in components:
        if hashes.get((component.kind, component.title)) != fingerprint(component):
            raise RunDirectoryError(f"{place}: {_change(component, remedy)}")


def _change(component: Component, remedy: str) -> str:
    """Say that a component's code is another one now, and what can be done."""
    changed = f'{component.kind} "{component.name}" has changed since the model was trained'
    if component.plugin is None:
        return f"{changed}: this numbann computes another one, or the record is damaged; train anew"
    code = component.function.__code__
    place = f"{code.co_filename}:{code.co_firstlineno}"
    return f"{changed}: {place} has one of that name with other code; train anew, or {remedy}"


class Recorded(Registry):
    """numbann's own components and those recorded, under the owners that are recorded.

    titles: the names of those now, by the ones that are recorded.  A name with another owner means the one there is.
    """

    def __init__(self) -> None:
        super().__init__()
        self.replace_with(built_in().copy())
        self.titles: dict[str, str] = {}

    def _registered(self, kind: str, name: str) -> Sequence[Entry]:
        found = super()._registered(kind, name)
        return found or [one for one in super()._registered(kind, bare_name(name)) if one.origin.owner != OWN]


def present_names(written: Any, registry: Registry) -> Any:
    """Return a part of a resolved spec with the names that recorded components have now."""
    titles = registry.titles if isinstance(registry, Recorded) else {}
    if isinstance(written, dict):
        return {key: present_names(value, registry) for key, value in written.items()}
    if isinstance(written, list):
        return [present_names(value, registry) for value in written]
    return titles.get(written, written) if isinstance(written, str) else written


def fingerprint(component: Component) -> str:
    """Return the hash of what a component computes; it depends neither on the Python version nor on the module."""
    return _code_of(component)[0]


@functools.cache
def _code_of(component: Component) -> tuple[str, str]:
    """Return a component's hash and source; those of a built-in one are kept, since they take a while to write."""
    path = None
    if is_built_in(component):
        writer = hashlib.sha256(Path(sources.__file__).read_bytes()).hexdigest()[:20]
        path = cache_folder() / f"{component.kind}-{component.name}-{writer}.source"
        kept = read_checked(path)
        if kept is not None:
            digest, _, source = kept.decode().partition("\n")
            return digest, source
    described = json.dumps(sources.describe(component)).encode()
    digest, source = hashlib.sha256(described).hexdigest(), sources.module_of(component)
    if path is not None:
        write_checked(path, f"{digest}\n{source}".encode())
    return digest, source


def registry_of(records: Iterable[Record], catalogue: Catalogue, place: str, remedy: str) -> Registry:
    """Return a registry of numbann's own components and those recorded, each found by owner, name and hash.

    RunDirectoryError, with what is missing and the remedy, if one is not found.
    """
    found = [(record, _find(record, catalogue)) for record in _foreign(records)]
    missing = [_told(record) for record, one in found if one is None]
    if missing:
        raise RunDirectoryError(
            f"{place}: needs {'; '.join(missing)}, and runs nothing that you do not name: "
            f"give the plugin's file with --plugin FILE (plugins=[FILE]), install its distribution, or {remedy}"
        )
    return _with_recorded((record, one) for record, one in found if one is not None)


def registry_of_kept(records: Iterable[Record], place: str) -> Registry:
    """Return the same registry by running the sources that are kept in a model."""
    return _with_recorded(
        (record, sources.component_of(record["source"], record["kind"], record["name"], place))
        for record in _foreign(records)
    )


def _foreign(records: Iterable[Record]) -> list[Record]:
    """Return the records of components that numbann itself does not provide."""
    return list({(record["kind"], _title(record)): record for record in records if record["owner"] != OWN}.values())


def _with_recorded(found: Iterable[tuple[Record, Component]]) -> Registry:
    """Return a registry of numbann's own components and of others under the owners that are recorded."""
    registry = Recorded()
    for record, component in found:
        origin = _origin(record)
        registry.titles[_title(record)] = component.title
        named = component if component.title == _title(record) else replace(component, plugin=origin)
        registry.register(named, origin)
    return registry


def _find(record: Record, catalogue: Catalogue) -> Component | None:
    """Find a component by name and hash, or else by name and owner."""
    found: dict[int, Entry] = {}
    for name in (record["name"], _title(record)):
        found |= {id(entry.component): entry for entry in catalogue.find_all(record["kind"], name)}
        for entry in found.values():
            if _is_exact(entry.component, record):
                return entry.component
    owned = (entry.component for entry in found.values() if entry.origin.is_called(_origin(record).label))
    return next(owned, None)


def _is_exact(component: Component, record: Record) -> bool:
    """Whether a component computes what is recorded; a plugin's whose source cannot be read does not."""
    try:
        return fingerprint(component) == record["sha256"]
    except (PluginError, OSError, TypeError):
        return False


def _told(record: Record) -> str:
    """Return a component with its owner for a message, whatever stands in the record."""
    kind, name, origin = (shown(text, 200)[1:-1] for text in (record["kind"], record["name"], str(_origin(record))))
    return f'{kind} "{name}" of {origin}'


def _origin(record: Record) -> Origin:
    return Origin(record["owner"], record["version"], "")


def _title(record: Record) -> str:
    own = record["owner"] == OWN
    return record["name"] if own else f"{_origin(record).label}:{record['name']}"
