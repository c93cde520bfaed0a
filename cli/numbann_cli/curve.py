"""A curve drawn in characters: an activation over z from -4 to 4 and its derivative, computed in plain Python."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from numbann.component import Component

WIDTH, HEIGHT = 49, 11
REACH = 4.0
STEP = 1e-4  # for derivatives that are not given


def curves(component: Component) -> str:
    """The function and its derivative side by side."""
    left, right = _picture("a", _function(component)), _picture("da/dz", _derivative(component))
    return "\n".join(f"{one:<{WIDTH + 12}}{other}".rstrip() for one, other in zip(left, right, strict=True))


def _function(component: Component) -> Callable[[float], float]:
    return lambda z: float(_call(component.function, {"z": z, "u": 0.5, **component.defaults()}))


def _derivative(component: Component) -> Callable[[float], float]:
    function, derivative = _function(component), component.derivative
    if derivative is None:
        return lambda z: (function(z + STEP) - function(z - STEP)) / (2 * STEP)
    return lambda z: float(_call(derivative, {"z": z, "u": 0.5, "a": function(z), **component.defaults()}))


def _call(function: Callable[..., float], values: dict[str, float]) -> float:
    """Call a function with those of the values that it names."""
    return function(**{name: values[name] for name in inspect.signature(function).parameters})


def _picture(title: str, function: Callable[[float], float]) -> list[str]:
    """Lines of equal number: a title, the plot with its extremes, and the axis of z."""
    heights = [function(REACH * (2 * column / (WIDTH - 1) - 1)) for column in range(WIDTH)]
    low, high = min(*heights, 0.0), max(*heights, 0.0)
    scale = (HEIGHT - 1) / ((high - low) or 1.0)
    rows = [round((high - height) * scale) for height in heights]
    zero = round(high * scale)
    lines = ["".join(_mark(row, column, rows[column], zero) for column in range(WIDTH)) for row in range(HEIGHT)]
    labels = {0: f"{high:.3g}", HEIGHT - 1: f"{low:.3g}", zero: "0"}
    plot = [f"{labels.get(row, ''):>7} {line}" for row, line in enumerate(lines)]
    return [f"{'':>7} {title}", *plot, f"{'':>7} z: {-REACH:g}{'':{WIDTH - 8}}{REACH:g}"]


def _mark(row: int, column: int, height: int, zero: int) -> str:
    if row == height:
        return "*"
    if column == WIDTH // 2:
        return "|"
    return "-" if row == zero else " "
