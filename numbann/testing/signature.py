"""Checks that a component returns what its kind should, in plain Python."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

from numbann.components.component import Component, arguments_of, call
from numbann.testing.batches import calls_of, draw_batch
from numbann.testing.findings import Doubt, Fault, spot_of
from numbann.testing.rows import list_fillings
from numbann.testing.settings import UNDEFINED, given_targets, target_points

SAMPLE = (-3.0, -1.0, -0.1, 0.0, 0.1, 0.6, 1.0, 3.0)


def check_signature(component: Component) -> str:
    """It returns as many numbers as it should; registration has checked its arguments, and rows.py looks at rows."""
    calls = _list_calls(component) if component.form in ("elementwise", "outputs", "batch") else ()
    for function, given in calls:
        _check_result(component, function, given)
    if component.traits.get("probabilities"):
        _check_chances(component)
    if not component.summary:
        raise Doubt(
            f"{component.name} has no docstring",
            spot_of(component.function),
            'give it one, """Name: formula.""", which `numbann show` prints',
        )
    return f"takes {', '.join(arguments_of(component.function))}; gives {_describe_result(component)}"


def _describe_result(component: Component) -> str:
    if component.form in ("row", "matrix", "solver") and component.kind != "loss":
        return "its result in place"
    states = f" and {', '.join(component.states)}" if component.states else ""
    return {"optimizer": f"w{states}", "schedule": f"a factor{states}", "initializer": "an array"}.get(
        component.kind, "one number, and fills dy" if component.form in ("row", "batch") else "one number"
    )


def _list_calls(component: Component) -> Iterator[tuple[Callable[..., Any], dict[str, Any]]]:
    """Calls to make, as (function, arguments).  Schedules and others have checks of their own."""
    values = component.defaults()
    if component.form == "row":
        yield from ((function, given) for function, _, given in list_fillings(component, 7))
    if component.form == "batch":
        yield from calls_of(component, draw_batch(component, 3, 2, np.random.default_rng(0)))
    if component.form == "outputs":
        named = dict.fromkeys(component.outputs, 0.5)
        given = {**named, **given_targets(component)[1], **values}
        yield from ((function, given) for function in (component.function, *component.slopes.values()))
        if component.gives is not None:
            yield component.gives, given
    if component.form != "elementwise":
        return
    if component.kind == "activation":
        for z in SAMPLE:
            for function in (component.function, component.derivative, *component.slopes.values()):
                if function is not None:
                    yield function, {"z": z, "a": _call(component.function, z=z, u=0.5, **values), "u": 0.5, **values}
    elif component.kind == "embedding":
        for part, x in product((component.output, *component.terms), SAMPLE):
            given = {"x": x, "z": -x, **part.defaults()}
            for function in (part.function, part.derivative, *part.slopes.values()):
                if function is not None:
                    yield function, {**given, "a": _call(part.function, **given)}
    elif component.kind == "loss":
        for y in SAMPLE:
            for function in (component.function, component.derivative):
                if function is not None:
                    yield function, {"y": y, "t": target_points(component)[1], **values}
    elif component.kind == "optimizer":
        states = dict.fromkeys(component.states, 0.0)
        fixed = {"w": 1.0, "g": 0.5, "step": 1, "learning_rate": 0.1, "weight_decay": 0.0, "batch_size": 32}
        yield component.function, {**fixed, **states, **values}


def _call(function: Callable[..., Any], **given: Any) -> Any:
    try:
        return call(function, **given)
    except UNDEFINED:
        return math.nan


def _check_result(component: Component, function: Callable[..., Any], given: dict[str, Any]) -> None:
    try:
        result = call(function, **given)
    except UNDEFINED:
        return
    at = ", ".join(f"{name} = {given[name]:g}" for name in ("x", "z", "y", "t") if np.ndim(given.get(name, [0])) == 0)
    where = f"{function.__name__}{f' at {at}' if at else ''}"
    wanted = 1 + len(component.states)
    if component.kind == "optimizer" and wanted > 1:
        got = len(result) if isinstance(result, tuple) else 1
        if got != wanted:
            raise Fault(
                f"{where} returns {got} of {wanted} values",
                spot_of(function),
                f"return w and every state, in the order of the arguments: return w, {', '.join(component.states)}",
            )
    several = component.kind == "optimizer" or function is component.gives
    for number in result if isinstance(result, tuple) and several else (result,):
        if not isinstance(number, numbers.Real) and not (isinstance(number, np.ndarray) and number.shape == ()):
            found = "None" if number is None else f"{type(number).__name__}"
            raise Fault(f"{where} returns {found}, not a number", spot_of(function), "return a number on every path")


def _check_chances(component: Component) -> None:
    """What says that it gives probabilities gives numbers from 0 to 1."""
    for function, given in _list_calls(component):
        if function is component.function:
            result = call(function, **given)
            found = np.max(np.abs(np.subtract(given["a"] if component.form == "row" else result, 0.5)))
            if found > 0.5 + 1e-9:
                what = "gives numbers that are not between 0 and 1, and probabilities=True says that they are chances"
                raise Fault(what, spot_of(function), "leave probabilities out, or give chances")
