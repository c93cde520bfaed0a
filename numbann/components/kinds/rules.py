"""The rules that hold for components of every kind."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

from numbann.components.bounds import bounds_among
from numbann.components.component import Component, Function, arguments_of
from numbann.components.names import role_like
from numbann.components.parameter import LearnableMark, Numbers, Parameter
from numbann.components.roles import MAIN, ROLES, SETTINGS, STATEFUL, TAKEN

TRAINED = ("activation", "embedding", "term")  # kinds with trained parameters


def roles_of(component: Component) -> tuple[str, ...]:
    """Return the roles of a component; columns of a target that have names take the place of `t`."""
    known, columns = ROLES[component.kind, component.form], tuple(component.columns)
    if component.form == "batch":
        return (*(role for role in known if not columns or role not in ("t", "label")), *columns, *component.each)
    return columns or known


def faults_of_function(component: Component) -> Iterator[str]:
    """Yield what is wrong with the function and its arguments."""
    kind, known, defaults = component.kind, roles_of(component), component.defaults()
    for role in component.roles:
        if role in defaults and role not in SETTINGS:
            yield f"{role!r} is a role that core fills; it cannot have a default"
    taken = {*TAKEN.get(kind, ()), "type"} - set(known)  # "type" names the component in a spec
    for name in sorted(taken & {*defaults, *component.states, *component.outputs}):
        yield f"{name!r} has another meaning in {kind} components; choose another name"
    yield from _misspelt(component, known)
    for parameter in component.parameters:
        yield from _faults_of_parameter(parameter, kind)
    if component.states and kind not in STATEFUL:
        stray = f"argument {component.states[0]!r} is neither a role ({', '.join(known)})"
        yield f"{stray} nor a parameter (give it a default)"
    main = MAIN.get(kind)
    if main is not None and main not in component.roles and component.form != "outputs":
        yield f"every {kind} asks for {main} (its roles: {', '.join(known)})"
    if inspect.isgeneratorfunction(component.function) and component.form != "matrix":
        yield 'it yields; only an optimizer in the form "matrix" may, for sums over the network'


def _faults_of_parameter(parameter: Parameter, kind: str) -> Iterator[str]:
    """Yield what is wrong with a parameter's type and its default."""
    if parameter.type not in (float, int, bool, *([Numbers] if kind == "schedule" else [])):
        yield f"parameter {parameter.name!r} must be float, int or bool, not {parameter.type}"
    elif not _is_of(parameter.type, parameter.default):
        wanted = "a tuple of numbers" if parameter.type == Numbers else parameter.type.__name__
        yield f"{parameter.name} = {parameter.default!r} by default, and must be {wanted}"
    elif parameter.type != Numbers:
        bounds = list(bounds_among(parameter.constraints))
        for bound in (one for one in bounds if not parameter.learnable and not one.holds(parameter.default)):
            yield f"{parameter.name} = {parameter.default} by default, and must be {bound.words} {bound.number:g}"


def _is_of(kind: type, default: Any) -> bool:
    """Whether a default has its parameter's type; a whole number is a float, too."""
    if kind == Numbers:
        return isinstance(default, tuple) and all(_is_of(float, one) for one in default)
    return isinstance(default, kind | int) and isinstance(default, bool) == (kind is bool)


def _misspelt(component: Component, known: Sequence[str]) -> Iterator[str]:
    """Yield the states, outputs and strays that seem to mean a role, and parameters that core has under other names."""
    free = {"loss": "an output", "metric": "an output of a loss", **dict.fromkeys(STATEFUL, "a state")}
    roles = [*known, *(["y"] if component.kind == "loss" else [])]
    for name in (*component.states, *component.outputs):
        if role := role_like(name, [role for role in roles if role not in component.roles]):
            other = f", or another name for {free[component.kind]}" if component.kind in free else ""
            yield f"argument {name!r} seems to mean the role {role!r}: write {role}{other}"
    for name in component.defaults() if component.kind == "optimizer" else ():
        if (role := role_like(name, SETTINGS)) and role != name:
            yield f"parameter {name!r} seems to mean {role!r}, which core owns: write {role}, or choose another name"


def faults_of_training(component: Component) -> Iterator[str]:
    """Yield what is wrong with what is trained, and with the derivatives to it or to outputs."""
    kind, defaults = component.kind, component.defaults()
    if component.learnable and kind not in TRAINED:
        yield f"{component.learnable[0]!r} cannot be Learnable; only an activation's or an embedding's can"
    for name, mark in component.marks.items():
        yield from _faults_of_mark(name, mark, defaults[name])
    trained = (component.output if kind == "embedding" else component).learnable
    for name in sorted(set(component.slopes) - {*trained, *component.outputs}):
        yield f"derivative({name!r}) is of no {'output' if kind == 'loss' else 'learnable parameter'}"


def _faults_of_mark(name: str, mark: LearnableMark, default: float) -> Iterator[str]:
    """Yield what is wrong with what is said of a trained parameter."""
    if not mark.low <= default <= mark.high:
        yield f"{name} = {default} is not between its bounds, {mark.low} and {mark.high}"
    if not mark.rate >= 0 or not (mark.decay is None or mark.decay >= 0):
        yield f"learnable({name}): rate and decay are numbers of at least 0"
    if mark.start is not None and getattr(getattr(mark.start, "__numbann__", None), "kind", "") != "initializer":
        yield f"learnable({name}): start is a function that is decorated with @initializer"


def faults_of_parts(component: Component) -> Iterator[tuple[Function, str]]:
    """Yield the other functions of a component that ask for arguments which they are not given."""
    for roles, part in _parts(component):
        known = [*roles, *component.defaults()]
        for argument in arguments_of(part):
            if argument not in known:
                yield part, f"argument {argument!r} is none of {', '.join(known)}; use those"


def _parts(component: Component) -> Iterator[tuple[tuple[str, ...], Function]]:
    """Yield the other functions of a component, each after the roles that it may ask for."""
    given = {
        "activation": ("z", "u", "a"),
        "embedding": ("x", "z", "a"),
        "loss": (*(component.outputs or ("y",)), *(component.columns or ("t",))),
    }.get(component.kind, ())
    for part in (component.derivative, *component.slopes.values()):
        if part is not None:
            yield given, part
    if component.backward is not None:
        yield ("z", "a", "u", "da", "dz", *component.gradients.values()), component.backward
    if component.gives is not None:
        yield component.outputs, component.gives
    for term in component.terms:
        yield from ((("x", "a"), part) for part in term.slopes.values())
    before = [role for role in roles_of(component) if role != "dy" and role not in component.each]
    for name, part in component.each.items():
        yield tuple(before), part
        before.append(name)
