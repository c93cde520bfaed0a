"""The components that numbann itself provides.  They come through the same hook as plugins."""

from __future__ import annotations

import functools
import importlib

from numbann.components.registry import Origin, Registry

BUILT_IN = (
    "numbann.mathematics.activations.linear",
    "numbann.mathematics.activations.sigmoidal",
    "numbann.mathematics.activations.rectified",
    "numbann.mathematics.activations.smooth",
    "numbann.mathematics.activations.gated",
    "numbann.mathematics.activations.shrinking",
    "numbann.mathematics.activations.periodic",
    "numbann.mathematics.activations.normalized",
    "numbann.mathematics.losses.regression",
    "numbann.mathematics.losses.positive",
    "numbann.mathematics.losses.margins",
    "numbann.mathematics.losses.classification",
    "numbann.mathematics.losses.focal",
    "numbann.mathematics.optimizers.descent",
    "numbann.mathematics.optimizers.adaptive",
    "numbann.mathematics.optimizers.moments",
    "numbann.mathematics.optimizers.signs",
    "numbann.mathematics.optimizers.layerwise",
    "numbann.mathematics.optimizers.solvers",
    "numbann.mathematics.schedules",
    "numbann.mathematics.initializers",
    "numbann.mathematics.metrics",
)


@functools.cache
def built_in() -> Registry:
    """The registry of everything that numbann itself provides."""
    registry = Registry()
    for name in BUILT_IN:
        register = functools.partial(registry.register, origin=Origin("numbann", "", name))
        importlib.import_module(name).numbann_register(register)
    return registry
