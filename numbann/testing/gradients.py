"""The check of derivatives against finite differences, in plain Python and float64.

At a kink any value between the left and the right slope is right.  A jump has no slope and is skipped, and so is a
point where plain Python raises (1 / 0, exp(1000)); extremes.py checks such points in compiled code.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from numbann.components.component import Component, Configured, Function, call
from numbann.derivation import derivative_of, derivative_to, slopes_of
from numbann.testing.batches import SIZES, draw_batch, total, with_each
from numbann.testing.findings import Fault, is_derived, spot_of
from numbann.testing.settings import (
    POINTS,
    UNDEFINED,
    describe,
    given_targets,
    noises_of,
    rows_of_targets,
    settings_of,
    target_points,
    widths_of,
    with_rows,
)

STEP = 1e-5
WIDTHS = (1, 2, 7)
DRAWS = 30  # rows of a loss's named outputs, for each target

# A derivative or backward; the point in words; its value there; the function along one argument; that argument
Compared = tuple[Function, str, Callable[[], float], Callable[[float], float], float]


def check_gradient(component: Component) -> str:
    """Every derivative agrees with finite differences, at the default parameters and at others."""
    losses = {("loss", "row"): _row_loss, ("loss", "batch"): _batch_loss, ("loss", "outputs"): _outputs}
    by_form = {("activation", "row"): _row_activation, ("embedding", "elementwise"): _embedding, **losses}
    points = by_form.get((component.kind, component.form), _elementwise)(component)
    if component.surrogate:
        return _check_surrogate(points)
    found: dict[Function, list[tuple[str, float, float, bool]]] = {}
    for part, at, derivative, function, x in points:
        found.setdefault(part, []).extend((at, *compared) for compared in compare(function, x, derivative))
    for part, compared in found.items():
        if not compared:
            raise Fault(
                f"{part.__name__} could be compared at no point, since nowhere two differences agree",
                spot_of(part),
                "give finite numbers, and the same ones for the same arguments",
            )
    each = [(part, *compared) for part in found for compared in found[part]]
    wrong = [(part, at, given, slope) for part, at, given, slope, agree in each if not agree]
    if wrong:
        part, at, given, slope = max(wrong, key=lambda one: _distance(one[2], one[3]))
        raise Fault(
            f"{part.__name__} is {given:.6g} at {at}, but the slope is {slope:.6g}; "
            f"wrong at {len(wrong)} of {len(each)} points",
            spot_of(part),
            _advise(component, part),
        )
    return f"right at {len(each)} points, by differences in float64"


def _advise(component: Component, part: Function) -> str:
    if is_derived(part):
        kinks = "min, max and abs have the mean of both slopes where they turn"
        return f"it is derived from the formula, where {kinks}: write a choice instead, with if, or give the derivative"
    instead = " or leave the derivative out" if component.form not in ("row", "batch") else ""
    return f"correct the formula{instead}; surrogate=True says that it is meant to differ"


def _check_surrogate(points: Iterator[Compared]) -> str:
    """A derivative that is not the function's on purpose is finite wherever the function is, and fills its row."""
    count = 0
    for part, at, derivative, function, x in points:
        with contextlib.suppress(*UNDEFINED):
            given, value = derivative(), function(x)
            if not math.isfinite(given) and math.isfinite(value):
                raise Fault(f"{part.__name__} is {given:.6g} at {at}", spot_of(part), "give a finite number everywhere")
            count += 1
    return f"surrogate=True: on purpose not the function's, so not compared; finite at {count} points"


def compare(
    function: Callable[[float], float], x: float, derivative: Callable[[], float]
) -> Iterator[tuple[float, float, bool]]:
    """Yields (derivative, slope, whether they agree), or nothing where no slope can be estimated."""
    try:
        (left, left_error), (right, right_error) = (estimate_slope(function, x, side) for side in (-1, 1))
        given = derivative()
    except UNDEFINED:
        return
    error, size = left_error + right_error, max(1.0, abs(left), abs(right))
    if error < 1e-2 * size:  # False where something is not finite
        slack = error + 1e-6 * size
        yield given, (left + right) / 2, min(left, right) - slack <= given <= max(left, right) + slack


def _distance(given: float, slope: float) -> float:
    """The relative distance of a derivative from a slope; NaN is the farthest."""
    return abs(given - slope) / (1 + abs(slope)) if math.isfinite(given) else math.inf


def estimate_slope(function: Callable[[float], float], x: float, side: int) -> tuple[float, float]:
    """The slope to the right (side 1) or to the left (-1), and its estimated error.

    Differences of second order, with a step and with twice that step; the error is how much they disagree.
    """
    step = STEP * max(1.0, abs(x)) * side
    here, near, far, farther = (function(x + k * step) for k in (0, 1, 2, 4))
    fine, coarse = (4 * near - far - 3 * here) / (2 * step), (4 * far - farther - 3 * here) / (4 * step)
    return fine, abs(fine - coarse)


# ---- functions of one number


def _elementwise(component: Component) -> Iterator[Compared]:
    """The derivatives to z or y, and to each trained parameter."""
    moved = [role for role in component.roles if role in ("z", "y")]
    parts = [(role, derivative_of(component)) for role in moved]
    parts += zip(component.learnable, slopes_of(component), strict=True)
    for values, roles in product(settings_of(component), _list_inputs(component)):
        given = {**values, **roles}
        at = ", ".join(f"{name} = {roles[name]:g}" for name in component.roles) + describe(values, component)
        for name, part in parts:
            derivative = partial(_derivative, component, part, given)
            yield part, at, derivative, partial(_value, component, given, name), given[name]


def _embedding(component: Component) -> Iterator[Compared]:
    """The derivatives of an output and of the terms."""
    for part in (component.output, *component.terms):
        yield from _elementwise(part)


def _list_inputs(component: Component) -> list[dict[str, float]]:
    """The values of the roles at which an elementwise component is checked."""
    if component.kind in ("embedding", "term"):
        return [{"x": x, "z": -x} for x in POINTS]
    if component.kind == "loss":
        return [{"y": y, "t": t} for t in target_points(component) for y in (*POINTS, t)]
    return [{"z": z, "u": u} for u in noises_of(component) for z in POINTS]


def _value(component: Component, given: dict[str, Any], name: str, x: float) -> float:
    return float(call(component.function, **{**given, name: x}))


def _derivative(component: Component, part: Callable[..., Any], given: dict[str, Any]) -> float:
    found = {"a": call(component.function, **given)} if component.kind != "loss" else {}
    return float(call(part, **found, **given))


def _outputs(component: Component) -> Iterator[Compared]:
    """The derivatives of a loss to each of its named outputs."""
    random = np.random.default_rng(0)
    for values, targets, _ in product(settings_of(component), given_targets(component), range(DRAWS)):
        y = random.normal(0, 2, len(component.outputs)).tolist()
        given = {**values, **dict(zip(component.outputs, y, strict=True)), **targets}
        at = ", ".join(f"{name} = {given[name]:g}" for name in (*component.outputs, *targets))
        for name in component.outputs:
            part = derivative_to(component, name)
            derivative, function = partial(_derivative, component, part, given), partial(_value, component, given, name)
            yield part, at + describe(values, component), derivative, function, given[name]


# ---- functions of rows


def _row_activation(component: Component) -> Iterator[Compared]:
    """The gradient of sum(da * a) to each z, and to each trained parameter, for random da."""
    backward, random = component.backward, np.random.default_rng(0)
    assert backward is not None
    for values, width in product(settings_of(component), WIDTHS):
        width, made = widths_of(Configured(component, values), width)
        given, da = with_rows(component, values, width), random.standard_normal(made)
        given |= {"z": random.normal(0, 2, width), **({"u": random.uniform(size=width)} if "u" in given else {})}
        empty = {name: np.full(width, np.nan) for name in ("dz", *component.gradients.values())}
        empty["a"] = np.full(made, np.nan)
        call(component.function, **given, a=empty["a"])
        call(backward, **given, **empty, da=da)
        for name, filled in {"z": "dz", **component.gradients}.items():
            row, found = given[name], empty[filled]
            for k in range(width) if isinstance(row, np.ndarray) else [None]:
                at = _label(k, width, values, component) + (f", to {name}" if name != "z" else "")
                x, slope = (row, found.sum()) if k is None else (row[k], found[k])
                along = partial(_weigh, component, given, da, name, k)
                yield backward, at, partial(float, slope), along, float(x)


def _weigh(component: Component, given: dict[str, Any], da: np.ndarray, name: str, k: int | None, x: float) -> float:
    """sum(da * a) with x for an argument, or for element k of it."""
    a = np.full(len(da), np.nan)
    call(component.function, **{**given, name: x if k is None else _replace(given[name], k, x)}, a=a)
    return float(da @ a)


def _row_loss(component: Component) -> Iterator[Compared]:
    random = np.random.default_rng(0)
    classes = "label" in component.roles
    for values, width in product(settings_of(component), WIDTHS):
        drawn = rows_of_targets(component, 2, width, random)
        for target in range(component.classes(width)) if classes else drawn:
            y, dy = random.normal(0, 2, width), np.full(width, np.nan)
            given = {**values, "t": target, "label": target}
            call(component.function, y=y, dy=dy, **given)
            for k in range(width):
                at = _label(k, width, values, component) + (f" for the label {target}" if classes else "")
                along = partial(_row_value, component, given, y, k)
                yield component.function, at, partial(float, dy[k]), along, float(y[k])


def _row_value(component: Component, given: dict[str, Any], y: np.ndarray, k: int, x: float) -> float:
    """The loss with x for y[k]."""
    return float(call(component.function, y=_replace(y, k, x), dy=np.empty(len(y)), **given))


def _batch_loss(component: Component) -> Iterator[Compared]:
    """The gradient of the sum of all rows' parts to each output of each row, as the rows fill it."""
    random, part = np.random.default_rng(0), component.function
    for values, rows, about in product(settings_of(component), SIZES, WIDTHS[:2]):
        given = draw_batch(component, rows, about, random, **values)
        y, filled = given["y"], np.full(given["y"].shape, np.nan)
        known = with_each(component, given)
        for row in range(rows):
            call(part, row=row, dy=filled[row], **known)
        for k, derivative in enumerate(filled.ravel().tolist()):
            at = _label(k % y.shape[1], y.shape[1], values, component) + f", row {k // y.shape[1]} of {rows}"
            along = partial(_batch_value, component, given, k)
            yield part, at, partial(float, derivative), along, float(y.flat[k])


def _batch_value(component: Component, given: dict[str, Any], k: int, x: float) -> float:
    """The sum of all rows' parts with x for one of the outputs."""
    y = given["y"].copy()
    y.flat[k] = x
    return total(component, {**given, "y": y})


def _label(k: int | None, width: int, values: dict[str, Any], component: Component) -> str:
    place = "all" if k is None else f"element {k}"
    return f"{place} of a row of {width}{describe(values, component)}"


def _replace(row: np.ndarray, k: int, x: float) -> np.ndarray:
    """A copy of a row with another element."""
    row = row.copy()
    row[k] = x
    return row
