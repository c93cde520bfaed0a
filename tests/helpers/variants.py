"""Every built-in component, once for each of its settings worth testing, as parameters for pytest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from numbann import reference
from numbann.component import Component
from numbann.discovery import built_in

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "rrelu": [{"u": 0.5}],
    "elu": [{}, {"alpha": 0.3}, {"alpha": 2.0}],
    "celu": [{}, {"alpha": 0.6}],
    "threshold": [{}, {"threshold": -1.1, "fill": 0.5}],
    "softplus": [{}, {"beta": 2.0}],
    "squareplus": [{}, {"beta": 0.3}],
    "silu": [{}, {"beta": 1.7}],
    "hard_tanh": [{}, {"min_val": -2.125, "max_val": 0.75}],
    "hard_shrink": [{}, {"lambd": 1.3}],
    "soft_shrink": [{}, {"lambd": 1.3}],
    "leaky_relu": [{}, {"alpha": 0.0}, {"alpha": 0.3}],
    "sigmoid_focal": [{}, {"gamma": 0.5, "alpha": 0.6}],
    "softmax_focal": [{}, {"gamma": 0.5}],
    "sigmoid_cross_entropy": [{}, {"positive_weight": 3.5}],
    "huber": [{}, {"delta": 0.3}],
    "smooth_l1": [{}, {"beta": 0.3}],
    "quantile": [{}, {"quantile": 0.9}],
    "multi_margin": [{}, {"margin": 0.4}],
    "softmax_cross_entropy": [{}, {"label_smoothing": 0.2}],
    "sgd": [
        {},
        {"momentum": 0.9},
        {"momentum": 0.8, "dampening": 0.3},
        {"momentum": 0.8, "nesterov": True},
    ],
    "radam": [{}, {"beta2": 0.9}],
    "momentum": [{}, {"momentum": 0.5, "nesterov": True}],
    "adam": [{}, {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-3}],
    "rmsprop": [
        {},
        {"centered": True},
        {"momentum": 0.9},
        {"rho": 0.5, "epsilon": 1e-3, "momentum": 0.5, "centered": True},
    ],
}

# activations that round their argument, or what they multiply by it, before it is bent
ROUNDED = {"celu", "gelu", "gelu_tanh", "hard_sigmoid", "hard_silu", "mish", "silu", "softplus", "soft_shrink"}


def size_of(component: Component, z: np.ndarray, values: dict[str, Any]) -> np.ndarray | float:
    """The size whose roundings an activation's error is counted in, where that is more than a itself.

    A rounding of the argument changes a by z da/dz; tanh_shrink is the difference of larger numbers.
    """
    if component.name == "tanh_shrink":
        return np.abs(z)
    if component.name not in ROUNDED:
        return 0.0
    slope = getattr(reference, f"{component.name}_backward")(1.0, z, getattr(reference, component.name)(z), **values)
    return np.abs(np.where(np.isinf(z), 0.0, z) * slope)


def variants(kind: str, form: str | None = None) -> list[Any]:
    """Every built-in component of a kind, of one form if it is given, with each of its settings; the defaults first."""
    return [
        pytest.param(entry.component, values, id=f"{entry.component.name}{values or ''}")
        for entry in built_in().entries(kind)
        if form in (None, entry.component.form)
        for values in SETTINGS.get(entry.component.name, [{}])
    ]
