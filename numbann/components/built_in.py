"""The components that numbann itself provides, registered through the same hook as plugins."""

from __future__ import annotations

import functools
import importlib

from numbann.components.component import Component, Origin
from numbann.components.registry import OWN, Registry


@functools.cache
def built_in() -> Registry:
    """Return the registry of everything that numbann itself provides."""
    registry = Registry()
    importlib.import_module("numbann.mathematics").numbann_register(
        lambda function: registry.declare(function, Origin(OWN, "", function.__module__))
    )
    return registry


def is_built_in(component: Component) -> bool:
    """Whether a component is numbann's own, so that numbann's sources decide everything about it."""
    entry = built_in().find(component.kind, component.name)
    return entry is not None and entry.component is component
