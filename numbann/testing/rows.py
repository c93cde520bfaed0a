"""Checks of functions of rows, in plain Python: every element is filled, and inputs cannot be changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from numbann.components.component import Component, call
from numbann.testing.batches import draw_batch, outputs_in, with_each
from numbann.testing.findings import Fault, spot_of
from numbann.testing.settings import UNDEFINED, read_only, rows_of_targets, widths_of, with_rows

WIDTHS = (16, 7, 2, 1)
BEFORE = (math.nan, 3.0e7)  # what an array holds before it is filled

# A function, the name of the array that it fills, and its arguments
Filling = tuple[Callable[..., Any], str, dict[str, Any]]


def check_rows(component: Component) -> str:
    """Each function fills its array."""
    for width in WIDTHS:
        for part, name, given in list_fillings(component, width):
            _check_filled(part, name, given)
    if component.form == "batch":
        _check_alone(component)
    filled = {"activation": "a and dz", "loss": "dy"}[component.kind]
    widths = {outputs_in(component, width) if component.form == "batch" else width for width in WIDTHS}
    return f"every element of {filled} is filled, in rows of {', '.join(map(str, sorted(widths)))}"


def list_fillings(component: Component, width: int) -> Iterator[Filling]:
    """Calls of a component's functions with rows of a width: ordinary ones, and one whose numbers are equal."""
    random = np.random.default_rng(0)
    if component.form == "batch":
        given = with_each(component, draw_batch(component, 3, width, random))
        for row in range(3):
            yield component.function, "dy", {**given, "row": row, "dy": np.empty(given["y"].shape[1])}
        return
    if component.kind == "loss":
        targets = read_only(rows_of_targets(component, 2, width, random))
        for y, target in zip((random.normal(0, 2, width), np.zeros(width)), targets, strict=True):
            given = {**component.defaults(), "y": read_only(y), "t": target, "label": target, "dy": np.empty(width)}
            yield component.function, "dy", given
        return
    width, made = widths_of(component.configured(), width)
    for z in (random.normal(0, 2, width), np.zeros(width)):
        given = {**with_rows(component, component.defaults(), width), "z": read_only(z), "a": np.empty(made)}
        yield component.function, "a", given
        call(component.function, **given)
        assert component.backward is not None
        empty = {name: np.empty(width) for name in ("dz", *component.gradients.values())}
        given = {**given, **empty, "a": read_only(given["a"]), "da": read_only(random.standard_normal(made))}
        yield from ((component.backward, name, given) for name in empty)


def _check_alone(component: Component) -> None:
    """A loss of whole batches is finite for a batch of one row, which an epoch may end with."""
    try:
        given = with_each(component, draw_batch(component, 1, 2, np.random.default_rng(0)))
        dy = np.empty(given["y"].shape[1])
        found = [call(component.function, row=0, dy=dy, **given), *dy]
    except UNDEFINED:
        found = [math.nan]
    if not np.isfinite(found).all():
        remedy = "give 0 where there is nothing to compare with, and divide by no number that is 0 there"
        raise Fault("gives no finite number for a batch of one row", spot_of(component.function), remedy)


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
