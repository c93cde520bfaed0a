"""Writes a loss of named outputs as a loss of rows, and what it gives as a link of rows; both are new components.

A row of T targets has T of the first output, then T of the second, and so on.  Only this file knows it, and
numbann.data.tasks.outputs, which reads it back.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from numbann.components.component import Component, Configured, Function, arguments_of, place_of
from numbann.components.roles import ROLES
from numbann.derivation import derivative_to
from numbann.derivation.writing import function_from

LOSS = """def {name}({arguments}):
    total, share = 0, 1 / ({count})
    for k in range({count}):
        {given} = {places}
        total += {value}
{slopes}
    return total * share
"""
GIVES = """def {name}({arguments}):
    for k in range(len(z) // {count}):
        {given} = {value}
{rest}
"""


def by_rows(loss: Configured) -> Configured:
    """Return a loss of named outputs as one of rows; any other loss as it is."""
    return replace(loss, component=rows_of(loss.component))


@functools.cache
def rows_of(component: Component) -> Component:
    """Return a loss of named outputs as one of rows; any other loss as it is.

    Its value is the mean over the targets of a row.
    """
    if component.form != "outputs":
        return component
    columns = tuple(component.columns) or ("t",)
    count = "len(t)" if len(columns) == 1 else f"len(t) // {len(columns)}"
    places = {name: f"y[{_place(number, count)}]" for number, name in enumerate(component.outputs)}
    places |= {name: f"t[{_place(number, count)}]" for number, name in enumerate(columns)}
    given = {name: f"{name}_k" for name in places}  # read before dy is written: what they share is computed once
    parts = {"_loss": component.function}
    lines = []
    for number, name in enumerate(component.outputs):
        parts[f"_to_{name}"] = slope = derivative_to(component, name)
        lines.append(f"        dy[{_place(number, count)}] = {_call(f'_to_{name}', slope, given)} * share")
    fields = {
        "count": count,
        "given": ", ".join(given.values()),
        "places": ", ".join(places.values()),
        "value": _call("_loss", component.function, given),
        "slopes": "\n".join(lines),
    }
    roles = tuple(role for role in ROLES["loss", "row"] if role != "label")
    function = _function(component, "rows", LOSS, roles, parts, **fields)
    plain = replace(component, form="row", slopes={}, outputs=(), gives=None)
    return replace(plain, function=function, roles=roles, named=component)


def outputs_of(loss: Configured) -> Configured:
    """Return the link of a loss that says what it gives."""
    return Configured(_gives(loss.component), loss.values)


@functools.cache
def _gives(component: Component) -> Component:
    """Return the link of rows: from z, the outputs, to a, which begins with what a loss gives; the rest is 0."""
    assert component.gives is not None
    count = len(component.outputs)
    places = {name: f"z[{_place(number, f'len(z) // {count}')}]" for number, name in enumerate(component.outputs)}
    filled = [f"a[{_place(number, f'len(z) // {count}')}]" for number in range(count)]
    fields = {
        "given": ", ".join(filled[: len(component.units)]),
        "value": _call("_gives", component.gives, places),
        "rest": "\n".join(f"        {place} = 0" for place in filled[len(component.units) :]),
    }
    function = _function(component, "gives", GIVES, ("z", "a"), {"_gives": component.gives}, count=count, **fields)
    roles, traits = ("z", "a"), {"init": "xavier_normal", "probabilities": False}
    parameters, plugin = component.parameters, component.plugin
    return Component("activation", component.name, function, "row", (), roles, parameters, traits=traits, plugin=plugin)


def _place(number: int, width: str) -> str:
    """Return the index of an output of target k, in a row with a width of them."""
    return ("k", f"k + {width}", f"k + {number} * ({width})")[min(number, 2)]


def _call(name: str, function: Function, given: dict[str, str]) -> str:
    """Return a call of a part of the loss."""
    return f"{name}({', '.join(given.get(argument, argument) for argument in arguments_of(function))})"


def _function(
    component: Component, kind: str, template: str, roles: Sequence[str], parts: dict[str, Function], **fields: Any
) -> Function:
    """Build a function of rows from a template and the loss's functions under the names that it calls."""
    name = f"{component.function.__name__}_{kind}"
    text = template.format(name=name, arguments=", ".join((*roles, *component.defaults())), **fields)
    function = next(iter(parts.values()))
    place = f"<{name}, derived from {place_of(function).rpartition('(')[2].rstrip(')')}>"
    made = function_from(text, name, {"__name__": component.function.__module__, **parts}, place)
    made.__doc__ = component.function.__doc__
    return made
