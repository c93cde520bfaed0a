"""Every built-in component, once for each of its settings worth testing, as parameters for pytest."""

from __future__ import annotations

from typing import Any

import pytest

from numbann.discovery import built_in

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "elu": [{}, {"alpha": 0.3}, {"alpha": 2.0}],
    "leaky_relu": [{}, {"alpha": 0.0}, {"alpha": 0.3}],
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


def variants(kind: str, form: str | None = None) -> list[Any]:
    """Every built-in component of a kind, of one form if it is given, with each of its settings; the defaults first."""
    return [
        pytest.param(entry.component, values, id=f"{entry.component.name}{values or ''}")
        for entry in built_in().entries(kind)
        if form in (None, entry.component.form)
        for values in SETTINGS.get(entry.component.name, [{}])
    ]
