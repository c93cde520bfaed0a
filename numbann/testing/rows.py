"""Checks of functions of rows, in plain Python: every element is filled."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from numbann.components.component import Component, call
from numbann.testing.findings import Fault, spot_of
from numbann.testing.settings import rows_of_targets, widths_of, with_rows

WIDTHS = (16, 7, 2, 1)
BEFORE = (math.nan, 3.0e7)  # what an array holds before it is filled

# A function, the name of the array that it fills, and its arguments
Filling = tuple[Callable[..., Any], str, dict[str, Any]]


def check_rows(component: Component) -> str:
    """Each function fills its array."""
    for width in WIDTHS:
        for part, name, given in list_fillings(component, width):
            _check_filled(part, name, given)
    filled = {"activation": "a and dz", "loss": "dy"}[component.kind]
    return f"every element of {filled} is filled, in rows of {', '.join(map(str, sorted(WIDTHS)))}"


def list_fillings(component: Component, width: int) -> Iterator[Filling]:
    """Calls of a component's functions with rows of a width: ordinary ones, and one whose numbers are equal."""
    random = np.random.default_rng(0)
    if component.kind == "loss":
        targets = rows_of_targets(component, 2, width, random)
        for y, target in zip((random.normal(0, 2, width), np.zeros(width)), targets, strict=True):
            given = {**component.defaults(), "y": y, "t": target, "label": target, "dy": np.empty(width)}
            yield component.function, "dy", given
        return
    width, made = widths_of(component.configured(), width)
    for z in (random.normal(0, 2, width), np.zeros(width)):
        given = {**with_rows(component, component.defaults(), width), "z": z, "a": np.empty(made)}
        yield component.function, "a", given
        call(component.function, **given)
        assert component.backward is not None
        empty = {name: np.empty(width) for name in ("dz", *component.gradients.values())}
        given = {**given, **empty, "da": random.standard_normal(made)}
        yield from ((component.backward, name, given) for name in empty)


def _check_filled(part: Callable[..., Any], name: str, given: dict[str, Any]) -> None:
    """The array is filled with the same numbers, whatever it held before."""
    first, second = (np.full(len(given[name]), before) for before in BEFORE)
    for array in (first, second):
        call(part, **{**given, name: array})
    empty = [math.isnan(one) and other == BEFORE[1] for one, other in zip(first, second, strict=True)]
    if any(empty):
        what = name if all(empty) else f"{name}[{empty.index(True)}]"
        raise Fault(
            f"{what} is not filled, in a row of {len(empty)}", spot_of(part), f"give every element of {name} a number"
        )
    if not np.array_equal(first, second, equal_nan=True):
        k = int(np.argmin(first == second))
        remedy = f"set each element of {name} before you add to it; what it holds at first is anything"
        raise Fault(f"{name}[{k}] goes by what {name} held before", spot_of(part), remedy)
