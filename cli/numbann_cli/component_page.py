"""A page of text that explains a component: its docstring, its parameters, its origin and its curve."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numbann
from numbann.components.component import UNITS, Component
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
        _indent("\n".join(_parameters(component)) or "no parameters"),
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
        learnable = ", trained" if parameter.learnable else ""
        yield f"{parameter.name} {default}  ({of_parameter(parameter).words}{learnable})"


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
