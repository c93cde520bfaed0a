"""The components that numbann itself provides, registered through the same hook as plugins."""

from __future__ import annotations

import functools
import importlib

from numbann.components.component import Origin
from numbann.components.registry import OWN, Registry


@functools.cache
def built_in() -> Registry:
    """Return the registry of everything that numbann itself provides."""
    registry = Registry()
    importlib.import_module("numbann.mathematics").numbann_register(
        lambda function: registry.register(function, Origin(OWN, "", function.__module__))
    )
    return registry
