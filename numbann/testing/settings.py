"""The parameters, inputs and targets at which components are checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from numbann.components.component import Component
from numbann.spec.rules import of_parameter

POINTS = [*np.linspace(-30, 30, 241).tolist(), -1e-3, 1e-3, -1e-9, 1e-9]
UNDEFINED = (ZeroDivisionError, OverflowError, ValueError)  # raised by plain Python where compiled code has inf or NaN
LEAST, MOST = 2.0**-25, 1 - 2.0**-24  # the ends of the noise that training draws
REAL = (-1.3, 0.0, 0.7)
TARGETS = {"real": REAL, "unshifted": REAL, "positive": (0.5, 1.0, 3.0), "binary": (0.0, 0.3, 1.0)}


def settings_of(component: Component) -> list[dict[str, Any]]:
    """The defaults, then for each parameter the defaults with that one changed a little."""
    found = [component.defaults()]
    for parameter in component.parameters:
        moved = _change(parameter.default)
        if parameter.type in (int, float, bool) and of_parameter(parameter).accepts(moved):
            found.append({**component.defaults(), parameter.name: moved})
    return found


def _change(default: Any) -> Any:
    """Another value, near enough to work with the other defaults."""
    if isinstance(default, bool):
        return not default
    return default + 1 if isinstance(default, int) else 0.8 * default + 0.05


def describe(values: dict[str, Any], component: Component) -> str:
    """The parameters that are not at their defaults, for a message."""
    moved = [f"{name} = {value:g}" for name, value in values.items() if value != component.defaults().get(name)]
    return f" ({', '.join(moved)})" if moved else ""


def noises_of(component: Component) -> tuple[float, ...]:
    """The noise at which a component is checked: 0.5, which predictions take, and both ends if it draws."""
    return (0.5, LEAST, 0.1, 0.9, MOST) if "u" in component.roles else (0.5,)


def target_points(component: Component) -> tuple[float, ...]:
    """Targets of one output, for an elementwise loss."""
    return TARGETS.get(component.traits["target"], TARGETS["binary"])


def rows_of_targets(component: Component, rows: int, outputs: int, random: np.random.Generator) -> np.ndarray:
    """Random targets for a loss of `outputs` outputs: classes (B,), or rows (B, T) of its kind of number."""
    if "label" in component.roles:
        return random.integers(0, component.classes(outputs), rows)
    outputs //= component.traits["outputs"]
    draw = {
        "real": lambda: random.standard_normal((rows, outputs)),
        "unshifted": lambda: random.standard_normal((rows, outputs)),
        "positive": lambda: random.uniform(0.5, 3.0, (rows, outputs)),
        "binary": lambda: random.uniform(0.0, 1.0, (rows, outputs)),
        "distribution": lambda: random.dirichlet(np.ones(outputs), rows),
    }
    return draw[component.traits["target"]]()
