"""The components that numbann itself provides.  They come through the same hook as plugins."""

from __future__ import annotations

import functools
import importlib

from numbann.discovery.plugin import Plugin
from numbann.registry import Origin, Registry

BUILT_IN = (
    "numbann.activations.linear",
    "numbann.activations.sigmoidal",
    "numbann.activations.rectified",
    "numbann.activations.smooth",
    "numbann.activations.gated",
    "numbann.activations.shrinking",
    "numbann.activations.periodic",
    "numbann.activations.normalized",
    "numbann.losses.regression",
    "numbann.losses.positive",
    "numbann.losses.margins",
    "numbann.losses.classification",
    "numbann.losses.focal",
    "numbann.optimizers.descent",
    "numbann.optimizers.adaptive",
    "numbann.optimizers.moments",
    "numbann.optimizers.signs",
    "numbann.optimizers.layerwise",
    "numbann.optimizers.solvers",
    "numbann.schedules",
    "numbann.initializers",
    "numbann.metrics",
)


@functools.cache
def built_in() -> Registry:
    """The registry of everything that numbann itself provides."""
    registry = Registry()
    for name in BUILT_IN:
        origin = Origin("numbann", "", name)
        Plugin(origin, functools.partial(importlib.import_module, name)).register_in(registry)
    return registry
