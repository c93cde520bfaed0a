"""A page of text that explains a component: what its docstring teaches, its parameters, its origin and its curve."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numbann
from numbann.components.component import Component
from numbann.components.parameter import LearnableMark
from numbann.components.registry import Entry
from numbann.components.roles import UNITS
from numbann_cli.course import chapters_on
from numbann_cli.curve import curves
from numbann_cli.lesson import Lesson, lesson_of
from numbann_cli.prose import INDENT, labelled, wrap
from numbann_cli.series import series_of

TAKES = {  # by kind and form: the numbers that one call of it is about, B rows of I inputs and O or K outputs
    ("activation", "elementwise"): "each number of z (B, O) alone; a has its shape",
    ("activation", "row"): "each row of z (B, K); a has its shape, unless a width says otherwise",
    ("embedding", "elementwise"): "each input that is a number, x (B,); gives some numbers of it, (B, outputs)",
    ("loss", "elementwise"): "each output alone: y and t (B, O); the loss is the mean over rows and outputs",
    ("loss", "row"): "each row of y (B, K), and {target}; the loss is the mean over rows",
    ("loss", "outputs"): "several outputs for each target; the loss is the mean over rows and targets",
    ("loss", "batch"): "each row among all rows of its batch or group, y (B, O); the loss is the mean over rows",
    ("optimizer", "elementwise"): "each weight w alone, its gradient g and its own states, at each step",
    ("optimizer", "matrix"): "whole matrices w and g (I, O), biases as (1, O), at each step",
    ("optimizer", "solver"): "all parameters at once, and the loss over all rows, once an epoch",
    ("schedule", "elementwise"): "the time in steps or epochs; gives the factor of the learning rate",
    ("initializer", "elementwise"): "the shape (I, O) of a layer's weights, I inputs and O outputs",
    ("metric", "elementwise"): "a whole part of the data, N rows with their weights; gives one number",
}


def page(entry: Entry, width: int = 200) -> str:
    """Return the page of one component, no wider than this."""
    component = entry.component
    also = f", also called {', '.join(component.aliases)}" if component.aliases else ""
    lesson = lesson_of(component)
    blocks = [
        wrap(f"{component.kind} {component.title}{also}", width, "", ""),
        *(_paragraph(text, width) for text in lesson.paragraphs),
        "\n".join(labelled(name.lower(), text, width) for name, text in _told(component, lesson)),
        _lines([*_parameters(component), *_traits(component)] or ["no parameters"], width),
        *([_lines(_given(component), width)] if component.units else []),
        *([_lines([f"states  {', '.join(_states(component))}"], width)] if component.states else []),
        _lines([*_course(component), f"origin  {_origin(entry)}", f"source  {_place(component)}"], width),
    ]
    series = series_of(component)
    if series:
        blocks.append(_indent(curves(series, width - len(INDENT))))
    return "\n\n".join(blocks)


def _paragraph(text: str, width: int) -> str:
    """Wrap a paragraph, unless its author has set its lines."""
    return _indent(text) if "\n" in text else wrap(text, width)


def _lines(lines: Iterable[str], width: int) -> str:
    return "\n".join(wrap(line, width, others=INDENT * 2) for line in lines)


def _told(component: Component, lesson: Lesson) -> Iterator[tuple[str, str]]:
    """Yield what a component takes, then the sections of its docstring."""
    yield (
        "takes",
        TAKES[component.kind, component.form].format(target="label (B,)" if "label" in component.roles else "t"),
    )
    yield from lesson.sections.items()


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
        yield f"start by {mark.start.__name__.lstrip('_')}"


def _traits(component: Component) -> Iterator[str]:
    """Yield a line for what is unusual about it."""
    if width := component.traits.get("width"):
        of = f"1 / {width}" if isinstance(width, str) else f"{width:g}"
        yield f"width: a row has {of} times as many numbers behind it"
    if component.traits.get("passes"):
        yield "outputs: the last one is x itself"
    if component.surrogate:
        yield "derivative: on purpose not that of the function (surrogate)"


def _given(component: Component) -> list[str]:
    """Return what a loss takes and gives, by name, with its unit."""
    given = ", ".join(f"{name} ({UNITS[unit]})" for name, unit in component.units.items())
    columns = f" of the columns {', '.join(component.columns)}" if component.columns else ""
    return [f"takes {', '.join(component.outputs)} for each target{columns}", f"gives {given}"]


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
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"


def _course(component: Component) -> Iterator[str]:
    """Yield what shows the chapters on a component of our own."""
    on = [] if component.plugin else chapters_on(component.name, component.kind)
    if on:
        yield f"course  {', '.join(each.command for each in on)}"


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
    return "\n".join(f"{INDENT}{line}".rstrip() for line in text.splitlines())
