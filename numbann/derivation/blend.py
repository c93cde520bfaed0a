"""Blends an activation f of one unit with the identity, z + blend (f(z) - z), as a new component.

The parameter blend is trained.  The derivative is 1 + blend (f'(z) - 1), and f(z) - z with respect to blend.  RealMLP's
parametric activation: Holzmüller, Grinsztajn and Steinwart 2024, arXiv:2407.04491.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Annotated, Any

from numbann.components.component import Component, Configured, Function, arguments_of, place_of
from numbann.components.parameter import LearnableMark, Parameter
from numbann.derivation import derivative_of, slopes_of
from numbann.derivation.writing import function_from
from numbann.errors import PluginError

BLEND = "blend"  # the key that asks for a blend among an activation's values, and the name of the trained parameter

RATE = "blend_rate"  # the key of its rate


def with_blend(configured: Configured) -> Configured:
    """Return an activation with a blend that starts at 1, if its values ask for one; else the activation itself."""
    if BLEND not in configured.values or BLEND in configured.component.defaults():
        return configured
    values = {name: value for name, value in configured.values.items() if name != RATE}
    return Configured(blend(configured.component, configured.values.get(RATE, 1.0)), {**values, BLEND: 1.0})


@functools.cache
def blend(component: Component, rate: float = 1.0) -> Component:
    """Return the blend of an activation with the identity; rate: times the learning rate, for the blend itself."""
    if component.kind != "activation" or component.form != "elementwise":
        raise PluginError(f"{component.kind} {component.name}: only an activation of single units takes a blend")
    value = _call(component.function, "_f")
    slopes = dict(zip(component.learnable, slopes_of(component), strict=True))
    derivative = derivative_of(component)
    return replace(
        component,
        function=_function(component, f"z + blend * ({value} - z)"),
        parameters=(*component.parameters, Parameter(BLEND, 1.0, Annotated[float, LearnableMark(rate=rate)])),
        derivative=_function(component, f"1 + blend * ({_call(derivative, '_part', value)} - 1)", derivative),
        slopes={
            **{
                name: _function(component, f"blend * {_call(part, '_part', value)}", part)
                for name, part in slopes.items()
            },
            BLEND: _function(component, f"{value} - z"),
        },
    )


def _call(function: Function, name: str, value: str = "a") -> str:
    """Return a call of a part of an activation under a name.  value: the expression for a."""
    return f"{name}({', '.join(value if argument == 'a' else argument for argument in arguments_of(function))})"


def _function(component: Component, expression: str, part: Function | None = None) -> Function:
    """Build the function that returns an expression in the activation, _f, and one of its derivatives, _part."""
    arguments = ", ".join((*component.roles, *component.defaults(), BLEND))
    text = f"def {component.function.__name__}_{BLEND}({arguments}):\n    return {expression}\n"
    place = f"<{expression} of {place_of(part or component.function)}>"
    scope: dict[str, Any] = {"__name__": component.function.__module__, "_f": component.function, "_part": part}
    return function_from(text, f"{component.function.__name__}_{BLEND}", scope, place)
