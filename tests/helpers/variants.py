"""Every built-in component, once for each of its settings worth testing, as parameters for pytest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import reference

from numbann.components.built_in import built_in
from numbann.components.component import Component

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "rrelu": [{"u": 0.5}],
    "elu": [{}, {"alpha": 0.3125}, {"alpha": 2.0}],
    "celu": [{}, {"alpha": 0.625}],
    "threshold": [{}, {"threshold": -1.125, "fill": 0.5}],
    "softplus": [{}, {"beta": 2.0}],
    "squareplus": [{}, {"beta": 0.3125}],
    "silu": [{}, {"beta": 1.75}],
    "hard_tanh": [{}, {"min_val": -2.125, "max_val": 0.75}],
    "hard_shrink": [{}, {"lambd": 1.25}],
    "soft_shrink": [{}, {"lambd": 1.25}],
    "leaky_relu": [{}, {"alpha": 0.0}, {"alpha": 0.3125}],
    "sigmoid_focal": [{}, {"gamma": 0.5, "alpha": 0.6}],
    "softmax_focal": [{}, {"gamma": 0.5}],
    "sigmoid_cross_entropy": [{}, {"positive_weight": 3.5}, {"label_smoothing": 0.2}],
    "huber": [{}, {"delta": 0.3}],
    "smooth_l1": [{}, {"beta": 0.3125}],
    "quantile": [{}, {"quantile": 0.9}],
    "gaussian_nll": [{}, {"epsilon": 0.1}],
    "negative_binomial_nll": [{}, {"epsilon": 0.3}],
    "evidential": [{}, {"regularizer": 0.5}],
    "quantiles": [{}, {"lower": 0.25, "upper": 0.75}],
    "tweedie": [{}, {"power": 1.1}],
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
    "adam": [{}, {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-3}, {"amsgrad": True, "beta2": 0.9}],
    "adamw": [{}, {"amsgrad": True, "beta2": 0.9}],
    "rmsprop": [
        {},
        {"centered": True},
        {"momentum": 0.9},
        {"rho": 0.5, "epsilon": 1e-3, "momentum": 0.5, "centered": True},
    ],
}

# a gate of a rounded argument: its relative error is that of the argument times z g' / g, which grows below 0
ROUNDED = {"gelu", "gelu_tanh", "silu"}


def size_of(component: Component, z: np.ndarray, values: dict[str, Any]) -> np.ndarray | float:
    """The size whose roundings an activation's error is counted in, where that is more than a itself: z da/dz."""
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
