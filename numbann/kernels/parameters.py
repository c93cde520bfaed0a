"""The parameters of a component as arguments of its array functions: defaults, kinds and bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from numbann.components.bounds import Bound, bounds_among
from numbann.components.component import Component
from numbann.components.parameter import NonNegative, Parameter
from numbann.errors import KernelValueError
from numbann.kernels.arguments import Argument, take_count, take_flag, take_number, take_whole

OUT_OF_RANGE = "{}: {} is {}; give a number {} {}"
TAKE = {"number": take_number, "flag": take_flag, "count": take_count, "whole": take_whole}


def parameters_of(component: Component) -> list[Argument]:
    """The parameters, as arguments."""
    units = names_of_units(component)
    return [
        Argument(name, "flag", default=value)
        if isinstance(value, bool)
        else Argument(name, "whole", default=value)
        if type(value) is int and component.kind == "metric"
        else Argument(name, "numbers" if name in units else "number", default=float(value))
        for name, value in defaults_of(component).items()
    ]


def defaults_of(component: Component) -> dict[str, Any]:
    """The parameters and their defaults; noise defaults to its mean, and what is left to the caller to 0 or 1."""
    found = component.defaults()
    if component.kind == "activation" and "u" in component.roles:
        found["u"] = 0.5
    if component.kind == "optimizer":
        found.setdefault("weight_decay", 0.0)
        found |= {"batch_size": 1.0} if "batch_size" in component.roles else {}
    return found


def names_of_units(component: Component) -> list[str]:
    """The trained parameters that have a number for each unit."""
    return [name for name, mark in component.marks.items() if not mark.shared]


def bounds_of(component: Component) -> Iterator[tuple[str, Bound]]:
    """Yield the name of each parameter that has a bound, and the bound."""
    ranges = {parameter.name: parameter.constraints for parameter in component.parameters}
    if component.kind == "optimizer":
        ranges.setdefault("weight_decay", Parameter("weight_decay", 0.0, NonNegative).constraints)
    return ((name, bound) for name, constraints in ranges.items() for bound in bounds_among(constraints))


def check_numbers(component: Component, name: str, given: dict[str, Any]) -> None:
    """Make the numbers among the arguments of a kernel plain; refuse what is none, or out of its range."""
    step = [Argument("step", "count")] if "step" in given else []
    for argument in [*parameters_of(component), *step]:
        argument = replace(argument, kind="number") if argument.kind == "numbers" else argument
        given[argument.name] = TAKE[argument.kind](name, argument, given[argument.name])
    for it, bound in bounds_of(component):
        if not bound.holds(given[it]):
            raise KernelValueError(OUT_OF_RANGE, name, it, given[it], bound.sign, bound.number)
