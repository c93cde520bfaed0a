"""Activations: functions of one number or of a row of them, as the units of a layer have."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any

from numbann.components.component import Component, Function, arguments_of
from numbann.components.kinds.draft import declared, surrogate_trait


def activation(
    function: Function | None = None,
    /,
    *,
    form: str = "elementwise",
    init: str = "xavier_normal",
    width: float | str = 1,
    probabilities: bool = False,
    surrogate: bool = False,
    **names: Any,
) -> Any:
    """Declare an activation: `z` (and `u`, uniform noise while training) -> a; form="row": `z`, fills `a`.

    width: the length of a row's `a` over that of `z`, such as 0.5 or 2; or the name of the whole-number parameter that
    divides it.  probabilities: whether each a is the chance of its own label, or those of a row the chances of its
    classes.  surrogate: the derivative is on purpose not that of the function, as in straight-through estimators.
    """
    traits = {"init": init, "probabilities": probabilities, **({} if width == 1 else {"width": width})}
    return declared("activation", form, {**traits, **surrogate_trait(surrogate)}, names, function)


def faults_of_activation(component: Component) -> Iterator[str]:
    """Yield what is wrong with an activation."""
    if component.form == "row" and component.backward is None:
        yield f"a row activation needs its backward: decorate one with @{component.name}.backward"
    if fault := _fault_of_width(component):
        yield fault
    for name, filled in component.gradients.items():
        if component.backward is not None and filled not in arguments_of(component.backward):
            yield f"{name!r} is trained: its backward takes {filled!r}, a row, and fills it with the gradient to {name}"
        if name in component.slopes:
            yield f"a row activation has no derivative({name!r}); its backward fills {filled!r}"


def _fault_of_width(component: Component) -> str:
    """What is wrong with how an activation changes the width of a row, if anything."""
    width, kinds = component.traits.get("width", 1), {one.name: one.type for one in component.parameters}
    if width != 1 and component.form != "row":
        return f'width={width!r} is for form="row"; a function of one number makes one number'
    if isinstance(width, str):
        whole = kinds.get(width) is int and component.defaults()[width] > 0
    else:
        whole = isinstance(width, int | float) and 0 < width < inf and width.as_integer_ratio()[1] <= 64
    words = "the name of a whole-number parameter that is above 0"
    return "" if whole else f"width={width!r}: give a number such as 0.5 or 2, or {words}"
