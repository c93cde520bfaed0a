"""Computes the curves of a component along an axis, by its own plain Python functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, nan

from numbann.components.component import Component, call
from numbann.derivation import derivative_of, derivative_to
from numbann.records import dataclass

POINTS = 193  # of a series; every fourth of them is a column of characters
REACH = 4.0  # from -REACH to REACH
EPOCHS, STEPS = 24, 8  # of a schedule, with a loss that no longer falls


@dataclass(frozen=True)
class Series:
    """A curve y over equally spaced x, with a title and the name of the axis; NaN where there is no value."""

    title: str
    axis: str
    x: list[float]
    y: list[float]


def series_of(component: Component) -> list[Series]:
    """Return function and derivative of an activation or a loss, an embedding's output, or the factor of a schedule.

    A function of a row is represented by its first element, with 0 for the second.
    """
    match component.kind:
        case "activation":
            return _pair(component, "a", "da/dz", "z", *_activation(component))
        case "embedding":
            return _curves("x", _embedding(component))
        case "loss" if component.form != "batch":  # one of batches is no function of one row
            return _pair(component, "loss", "dloss/dy", *_loss(component))
        case "schedule":
            return [_schedule(component)]
    return []


Function = Callable[[float], float]


def _pair(
    component: Component, title: str, slope: str, axis: str, function: Function, derivative: Function
) -> list[Series]:
    return _curves(axis, {title: function, slope: derivative})


def _curves(axis: str, functions: Mapping[str, Function]) -> list[Series]:
    x = [REACH * (2 * k / (POINTS - 1) - 1) for k in range(POINTS)]
    return [Series(title, axis, x, [_value(function, at) for at in x]) for title, function in functions.items()]


def _value(function: Function, x: float) -> float:
    try:
        return float(function(x))
    except (ArithmeticError, ValueError):
        return nan


def _activation(component: Component) -> tuple[Function, Function]:
    if component.form == "row":
        return lambda z: _row(component, z)[0], lambda z: _row(component, z)[1]

    def function(z: float) -> float:
        return float(call(component.function, **component.defaults(), z=z, u=0.5))

    derivative = derivative_of(component)
    return function, lambda z: float(call(derivative, **component.defaults(), z=z, u=0.5, a=function(z)))


def _embedding(component: Component) -> dict[str, Function]:
    """Return an output, of one term by each function of terms with a weight of 1."""

    def output(x: float) -> float:
        given = {**component.defaults(), "x": x}
        return float(call(component.function, **given, z=sum(call(term.function, **given) for term in component.terms)))

    return {"an output": output}


def _row(component: Component, z: float) -> tuple[float, float]:
    """Return the first output for the row (z, 0), or as many numbers as are needed, and its derivative to z."""
    chosen = component.configured()
    units = max(2, chosen.ratio[1])
    made, row = chosen.width(units), [z] + [0.0] * (units - 1)
    a, dz, da = [0.0] * made, [0.0] * units, [1.0] + [0.0] * (made - 1)
    assert component.backward is not None
    given = {**component.defaults(), **{name: [start] * units for name, start in component.rows.items()}}
    call(component.function, **given, z=row, a=a)
    unused = {name: [0.0] * units for name in component.gradients.values()}
    call(component.backward, **given, **unused, z=row, a=a, da=da, dz=dz)
    return a[0], dz[0]


def _loss(component: Component) -> tuple[str, Function, Function]:
    """Return the axis name, the value, and the derivative with respect to y, for a target that the loss takes."""
    if component.form == "outputs":
        return _named_loss(component)
    if component.form == "row":
        target = [1.0, 0.0]
        of_classes = "label" in component.roles or component.traits["target"] == "distribution"
        second = 0.0 if of_classes else 1.0
        shown = "label 0" if "label" in component.roles else f"target ({', '.join(f'{t:g}' for t in target)})"
        axis = f"y of the row (y, {second:g}), {shown}"

        def row(y: float) -> tuple[float, float]:
            dy = [0.0, 0.0]
            value = call(component.function, **component.defaults(), y=[y, second], t=target, label=0, dy=dy)
            return float(value), dy[0]

        return axis, lambda y: row(y)[0], lambda y: row(y)[1]
    t = 0.0 if component.traits["target"] == "real" else 1.0
    axis = f"y, target {t:g}"

    def function(y: float) -> float:
        return float(call(component.function, **component.defaults(), y=y, t=t))

    derivative = derivative_of(component)
    return axis, function, lambda y: float(call(derivative, **component.defaults(), y=y, t=t))


def _named_loss(component: Component) -> tuple[str, Function, Function]:
    """Return the same for the first of several outputs; the others are 0."""
    first, *others = component.outputs
    targets = dict.fromkeys(component.roles, 0.5 if component.traits["target"] == "share" else 1.0)
    given = {**component.defaults(), **dict.fromkeys(others, 0.0), **targets}
    slope = derivative_to(component, first)
    return (
        ", ".join([first, *(f"{name} 0" for name in others), *(f"{name} {t:g}" for name, t in targets.items())]),
        lambda y: float(call(component.function, **given, **{first: y})),
        lambda y: float(call(slope, **given, **{first: y})),
    )


def _schedule(component: Component) -> Series:
    from numbann.fit.rates import Rates  # brings NumPy, which nothing else here needs

    rates = Rates(component.configured(), 1.0, 0, EPOCHS, STEPS)
    factors: list[float] = []
    states: tuple[float, ...] = ()
    for epoch in range(EPOCHS):
        some, states = rates.of_epoch(epoch, inf if epoch == 0 else 1.0, states)
        factors.extend(some.tolist())
    x = [step / STEPS for step in range(EPOCHS * STEPS)]
    return Series("factor of the rate", "epoch", [*x, float(EPOCHS)], [*factors, factors[-1]])
