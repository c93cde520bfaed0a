"""The provenance of a model: stores the source of its components, and compares it with the code found now."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from numbann.components.built_in import built_in
from numbann.components.component import Component
from numbann.components.registry import Origin, Registry
from numbann.errors import RunDirectoryError
from numbann.model import sources

OWN = "numbann"  # the origin of what numbann itself provides


def components_of(resolved: Any) -> list[Component]:
    """Return every component that a resolved spec uses, once each, sorted by kind and name."""
    used = [resolved.loss, resolved.optimizer, resolved.schedule, resolved.output_activation]
    used += [part for layer in resolved.layers for part in (layer.activation, layer.init, layer.bias_init) if part]
    found = {(part.component.kind, part.name): part.component for part in used}
    found |= {(metric.kind, metric.name): metric for metric in resolved.metrics}
    return [component for _, component in sorted(found.items())]


def record_of(component: Component, registry: Registry) -> dict[str, str]:
    """Return a component as JSON values: kind, name, origin, source and the hash of its code."""
    entry = registry.find(component.kind, component.name)
    return {
        "kind": component.kind,
        "name": component.name,
        "origin": str(entry.origin) if entry else "",
        "sha256": fingerprint(component),
        "source": sources.module_of(component),
    }


def verify(stored: Iterable[Mapping[str, str]], components: Iterable[Component], place: str) -> None:
    """Raise RunDirectoryError if the code of one of these components differs from what is stored."""
    hashes = {(record["kind"], record["name"]): record["sha256"] for record in stored}
    for component in components:
        if hashes.get((component.kind, component.name)) != fingerprint(component):
            code = component.function.__code__
            raise RunDirectoryError(
                f'{place}: {component.kind} "{component.name}" has changed since the model was trained '
                f"(now {code.co_filename}:{code.co_firstlineno}); bring the old code back, train anew, or run the "
                "source that is kept in the model: --trust (trust=True)"
            )


@functools.cache
def fingerprint(component: Component) -> str:
    """Return the hash of what a component computes; it depends neither on the Python version nor on the module."""
    return hashlib.sha256(json.dumps(sources.describe(component)).encode()).hexdigest()


def foreign_records(records: Iterable[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Return the records of components that numbann itself does not provide."""
    return [record for record in records if record["origin"].partition(" ")[0] != OWN]


def registry_of(records: Iterable[Mapping[str, str]], place: str) -> Registry:
    """Return a registry of numbann's own components and those of a model file, by running the source stored in it."""
    kept = [
        (sources.component_of(record["source"], record["kind"], record["name"], place), record)
        for record in foreign_records(records)
    ]
    replaced, registry = {(component.kind, component.name) for component, _ in kept}, Registry()
    for entry in built_in().entries():
        own = entry.component
        if not replaced & {(own.kind, name) for name in (own.name, *own.aliases)}:
            registry.register(own, entry.origin)
    for component, record in kept:
        registry.register(component, Origin(record["origin"], "", f"kept in {place}"))
    return registry
