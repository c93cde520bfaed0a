"""A page of text that explains a component: its docstring, its parameters, its origin and its curve."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numbann
from numbann.components.component import UNITS, Component, LearnableMark
from numbann.components.registry import Entry
from numbann_cli.curve import curves
from numbann_cli.series import series_of


def page(entry: Entry) -> str:
    """Return the page of one component."""
    component = entry.component
    also = f", also called {', '.join(component.aliases)}" if component.aliases else ""
    blocks = [
        f"{component.kind} {component.title}{also}",
        _indent(inspect.getdoc(component.function) or "(no docstring)"),
        _indent("\n".join([*_parameters(component), *_traits(component)]) or "no parameters"),
        *([_indent(_given(component))] if component.units else []),
        *([_indent(f"states  {', '.join(_states(component))}")] if component.states else []),
        _indent(f"origin  {_origin(entry)}\nsource  {_place(component)}"),
    ]
    series = series_of(component)
    if series:
        blocks.append(_indent(curves(series)))
    return "\n\n".join(blocks)


def _parameters(component: Component) -> Iterator[str]:
    """Yield a line for each parameter, with its default and what it takes."""
    from numbann.spec.components import REQUIRED, parameters_of
    from numbann.spec.rules import of_parameter

    for parameter in parameters_of(component):
        default = "required" if parameter.default is REQUIRED else f"= {show_value(parameter.default)}"
        words = ", ".join([of_parameter(parameter).words, *_training(parameter.learnable)])
        yield f"{parameter.name} {default}  ({words})"


def _training(mark: LearnableMark | None) -> Iterator[str]:
    """Yield how a parameter is trained, in words."""
    if mark is None:
        return
    yield "trained, one for the layer" if mark.shared else "trained"
    if mark.rate != 1:
        yield f"{mark.rate:g} times the learning rate"
    if mark.decay is not None:
        yield f"weight decay {mark.decay:g}"
    if mark.start is not None:
        yield f"start by {mark.start.__name__}"


def _traits(component: Component) -> Iterator[str]:
    """Yield a line for what is unusual about it."""
    if width := component.traits.get("width"):
        of = f"1 / {width}" if isinstance(width, str) else f"{width:g}"
        yield f"width: a row has {of} times as many numbers behind it"
    if component.surrogate:
        yield "derivative: on purpose not that of the function (surrogate)"


def _given(component: Component) -> str:
    """Return what a loss gives, by name, with its unit."""
    given = ", ".join(f"{name} ({UNITS[unit]})" for name, unit in component.units.items())
    columns = f" of the columns {', '.join(component.columns)}" if component.columns else ""
    return f"takes {', '.join(component.outputs)} for each target{columns}\ngives {given}"


def _states(component: Component) -> Iterator[str]:
    """Yield each state, with its shape or its use if they are special."""
    for state in component.states:
        shape = component.shapes.get(state)
        notes = [f"({', '.join(shape)}{',' * (len(shape) == 1)})"] if shape else []
        yield " ".join([state, *notes, *(["which predicts"] if state == component.predicts else [])])


def show_value(value: Any) -> str:
    """Return a default as it is written in a spec."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(show_value, value))}]"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"


def _origin(entry: Entry) -> str:
    """Return the distribution with its version and module, or the file."""
    owner, module = entry.origin.owner, entry.origin.module
    if owner == "numbann":
        return f"numbann {numbann.__version__} ({module})"
    return f"{entry.origin} ({module})" if entry.origin.version else owner


def _place(component: Component) -> str:
    code = component.function.__code__
    return f"{code.co_filename}:{code.co_firstlineno}"


def _indent(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())
