"""The check of what a loss gives, in plain Python and compiled: as many numbers as units, finite, no scale below 0."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from numbann.components.component import Component, Configured, call
from numbann.derivation.outputs import outputs_of
from numbann.testing.findings import Fault, spot_of
from numbann.testing.kernels import forward_block
from numbann.testing.settings import describe, settings_of

AT = (0.0, 0.3, -0.3, 1.0, -1.0, 4.0, -4.0, 12.0, -12.0)  # what each output is in its turn
DRAWS = 30
SCALES = ("difference", "square")  # units of what cannot be below 0


def check_gives(component: Component) -> str:
    """For ordinary outputs it gives a finite number for each unit, and scales and variances of at least 0."""
    points = list(_outputs(len(component.outputs)))
    for values in settings_of(component):
        for y in points:
            _check_numbers(component, values, y, _call(component, values, y))
    for dtype in ("float32", "float64"):
        link = Configured(outputs_of(component.configured()).component, component.defaults())
        block = forward_block(link.component, dtype, np.array(points))
        block(len(points))
        for y, row in zip(points, block["A"].tolist(), strict=True):
            _check_numbers(component, component.defaults(), y, tuple(row[: len(component.units)]), f" in {dtype}")
    return f"gives {', '.join(component.units)}, finite at {len(points)} points"


def _outputs(count: int) -> Iterator[list[float]]:
    """Outputs of a network: each moved in its turn, then all drawn."""
    for k in range(count):
        yield from ([x if one == k else 0.0 for one in range(count)] for x in AT)
    yield from np.random.default_rng(0).normal(0, 2, (DRAWS, count)).tolist()


def _call(component: Component, values: dict[str, Any], y: list[float]) -> tuple[Any, ...]:
    assert component.gives is not None
    found = call(component.gives, **values, **dict(zip(component.outputs, y, strict=True)))
    found = found if isinstance(found, tuple) else (found,)
    if len(found) != len(component.units):
        raise Fault(
            f"{component.gives.__name__} returns {len(found)} of {len(component.units)} numbers",
            spot_of(component.gives),
            f"return {', '.join(component.units)}, in the order of .gives",
        )
    return found


def _check_numbers(
    component: Component, values: dict[str, Any], y: list[float], found: tuple[Any, ...], dtype: str = ""
) -> None:
    assert component.gives is not None
    for (name, unit), number in zip(component.units.items(), found, strict=True):
        below = unit in SCALES and number < 0
        if below or not math.isfinite(number):
            at = ", ".join(f"{output} = {x:.3g}" for output, x in zip(component.outputs, y, strict=True))
            raise Fault(
                f"{name} is {number:.3g} at {at}{describe(values, component)}{dtype}",
                spot_of(component.gives),
                f'what has the unit "{unit}" is at least 0: exp(...), or a square' if below else "give a finite number",
            )
