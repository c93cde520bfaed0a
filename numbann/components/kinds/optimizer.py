"""Optimizers: steps of one weight, of a whole matrix, and solvers that take all weights at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from numbann.components.component import Component, Function
from numbann.components.kinds.draft import declared
from numbann.components.matrices import SIZES


def optimizer(
    function: Function | None = None,
    /,
    *,
    form: str = "elementwise",
    optional: Mapping[str, str] | None = None,
    shapes: Mapping[str, str] | None = None,
    predicts: str = "",
    **names: Any,
) -> Any:
    """Declare an optimizer: roles w g step learning_rate weight_decay batch_size, and states -> w, or (w, *states).

    optional: maps a state to the parameter without which the state is not stored.  predicts: a state that starts as w
    and predicts in its place: validation and the saved model use it, w only trains.  form="matrix": plain NumPy that
    changes w and states in place; called in each step for each matrix (I, O), and for biases as (1, O).  shapes: maps a
    state to its shape, if that is not w's: "II", "O1", "1".  What the function yields is summed over all matrices.
    form="solver": w (one float64 vector), evaluate, memory, step, learning_rate: see mathematics/optimizers/solvers.py.
    """
    given = {"shapes": shapes, "predicts": predicts}
    traits = {"optional": optional or {}, **{name: trait for name, trait in given.items() if trait}}
    return declared("optimizer", form, traits, names, function)


def faults_of_optimizer(component: Component) -> Iterator[str]:
    """Yield what is wrong with an optimizer."""
    optional, predicts = component.traits["optional"], component.predicts
    if component.form == "solver" and component.states:
        yield f"a solver keeps arrays in `memory`, not in states such as {component.states[0]!r}"
    if component.form != "elementwise" and optional:
        yield "`optional` is for elementwise optimizers"
    for state, shape in component.shapes.items():
        if component.form != "matrix":
            yield f'{state!r}: only states in the form "matrix" have shapes of their own'
        if state not in component.states or not isinstance(shape, str) or not shape or set(shape) - set(SIZES):
            yield f"shapes={{{state!r}: {shape!r}}} must map a state to letters of {SIZES!r}, such as 'II' or '1O'"
    if predicts and (predicts not in component.states or predicts in optional or predicts in component.shapes):
        yield f"predicts={predicts!r} must name a state that is always stored and has w's shape"
    for state, name in optional.items():
        if state not in component.states or name not in component.defaults():
            yield f"optional={{{state!r}: {name!r}}} must map a state to a parameter of it"
