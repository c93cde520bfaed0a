"""The parameters, inputs and targets at which components are checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from math import isfinite
from typing import Any

import numpy as np

from numbann.components.component import Component, Configured
from numbann.components.parameter import LearnableMark, Parameter
from numbann.spec.rules import of_parameter

POINTS = [*np.linspace(-30, 30, 241).tolist(), -1e-3, 1e-3, -1e-9, 1e-9]
UNDEFINED = (ZeroDivisionError, OverflowError, ValueError)  # raised by plain Python where compiled code has inf or NaN
LEAST, MOST = 2.0**-25, 1 - 2.0**-24  # the ends of the noise that training draws
REAL = (-1.3, 0.0, 0.7)
TARGETS = {
    **{"real": REAL, "unshifted": REAL, "nonnegative": (0.0, 0.5, 3.0), "positive": (0.01, 1.0, 3.0)},
    **{"binary": (0.0, 0.3, 1.0), "share": (0.1, 0.5, 0.8), "above": (0.01, 0.5, 2.0)},  # above the one before
}


def settings_of(component: Component) -> list[dict[str, Any]]:
    """The defaults, then for each parameter the defaults with that one changed, a little and to another sign."""
    return [component.defaults(), *_changed(component, component.parameters)]


def trained_settings_of(component: Component) -> list[dict[str, Any]]:
    """The defaults, and the defaults with each trained parameter changed, since training goes there."""
    return [component.defaults(), *_changed(component, [one for one in component.parameters if one.learnable])]


def _changed(component: Component, parameters: Iterable[Parameter]) -> Iterator[dict[str, Any]]:
    for one in parameters:
        for value in _others(one) if one.type in (int, float, bool) else ():
            if of_parameter(one).accepts(value):
                yield {**component.defaults(), one.name: value}


def _others(parameter: Parameter) -> list[Any]:
    """Other values: near enough to work with the other defaults, of another sign, and the bounds of a trained one."""
    default = parameter.default
    if isinstance(default, bool):
        return [not default]
    if parameter.type is int:
        return [default + 1]
    mark = parameter.learnable or LearnableMark()
    found = [0.7 * default + 0.05, -default or -1.0, 2 * default + 1, mark.low, mark.high]
    return [value for value in dict.fromkeys(found) if isfinite(value) and value != default]


def describe(values: dict[str, Any], component: Component) -> str:
    """The parameters that are not at their defaults, for a message."""
    moved = [f"{name} = {value:g}" for name, value in values.items() if value != component.defaults().get(name)]
    return f" ({', '.join(moved)})" if moved else ""


def noises_of(component: Component) -> tuple[float, ...]:
    """The noise at which a component is checked: 0.5, which predictions take, and both ends if it draws."""
    return (0.5, LEAST, 0.1, 0.9, MOST) if "u" in component.roles else (0.5,)


def widths_of(chosen: Configured, about: int) -> tuple[int, int]:
    """The lengths of z and a nearest to a length, of which an activation that changes the width can make a row."""
    step = chosen.ratio[1]
    units = max(1, about // step) * step
    return units, chosen.width(units)


def with_rows(component: Component, values: dict[str, Any], width: int) -> dict[str, Any]:
    """The parameters of a row activation, with rows in the place of what it gets as rows."""
    return {**values, **{name: np.full(width, values.get(name, start)) for name, start in component.rows.items()}}


def target_points(component: Component) -> tuple[float, ...]:
    """Targets of one output, for an elementwise loss."""
    return TARGETS.get(component.traits["target"], TARGETS["binary"])


def given_targets(component: Component) -> list[dict[str, float]]:
    """Targets of a loss of named outputs: t, or the columns that have roles of their own."""
    kinds = component.columns or {"t": component.traits["target"]}
    drawn = product(*(TARGETS[kind] for kind in kinds.values()))
    return [dict(zip(kinds, _raised(kinds.values(), values), strict=True)) for values in drawn]


def _raised(kinds: Iterable[str], columns: Iterable[Any]) -> list[Any]:
    """Columns of targets, where those that are above the one before it are so far above it."""
    found: list[Any] = []
    for kind, column in zip(kinds, columns, strict=True):
        found.append(found[-1] + column if kind == "above" else column)
    return found


def rows_of_targets(component: Component, rows: int, outputs: int, random: np.random.Generator) -> np.ndarray:
    """Random targets for a loss of `outputs` outputs: classes (B,), or rows (B, T) of its kind of number."""
    if "label" in component.roles:
        return random.integers(0, component.classes(outputs), rows)
    if component.columns:
        groups = 1 if component.form == "batch" else outputs // component.outputs_by()
        kinds = component.columns.values()
        return np.hstack(_raised(kinds, [_draw(kind, rows, groups, random) for kind in kinds]))
    return _draw(component.traits["target"], rows, component.targets(outputs), random)


def _draw(kind: str, rows: int, columns: int, random: np.random.Generator) -> np.ndarray:
    """Random targets (B, T) of a kind, one of component.TARGETS; every second row is at the ends of what it may be."""
    draw = {
        "real": lambda: random.standard_normal((rows, columns)),
        "unshifted": lambda: random.standard_normal((rows, columns)),
        **dict.fromkeys(("nonnegative", "positive", "above"), lambda: random.uniform(0.5, 3.0, (rows, columns))),
        "share": lambda: random.uniform(0.1, 0.9, (rows, columns)),
        "binary": lambda: random.uniform(0.0, 1.0, (rows, columns)),
        "distribution": lambda: random.dirichlet(np.ones(columns), rows),
    }
    found: np.ndarray = draw[kind]()
    ends: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "nonnegative": lambda row: np.where(row < 1.5, 0.0, row),
        "binary": np.round,
        "distribution": lambda row: 1.0 * (row == row.max(axis=1, keepdims=True)),  # as classes are
    }
    if kind in ends:
        found[1::2] = ends[kind](found[1::2])
    return found


def read_only(array: np.ndarray) -> np.ndarray:
    """A copy that raises ValueError where it is changed: others read the same array."""
    copy = array.copy()
    copy.flags.writeable = False
    return copy
