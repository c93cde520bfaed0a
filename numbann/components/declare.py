"""Declares components: the decorators, and what makes a Component of a decorated function, or refuses it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from numbann.components.component import (
    KINDS,
    MAIN,
    ROLES,
    SETTINGS,
    STATEFUL,
    TARGETS,
    Component,
    Numbers,
    Parameter,
    arguments_of,
    place_of,
)
from numbann.errors import PluginError

# ---- decorators: each returns the author's function unchanged but for the decorators `.derivative` and `.backward`


def activation(
    function: Callable[..., Any] | None = None,
    /,
    *,
    form: str = "elementwise",
    init: str = "xavier_normal",
    **names: Any,
) -> Any:
    """Declare an activation: `z` (and `u`, uniform noise while training) -> a; form="row": `z`, fills `a`."""
    return _decorator("activation", form, {"init": init}, names)(function)


def loss(
    function: Callable[..., Any] | None = None,
    /,
    *,
    form: str = "elementwise",
    link: str = "identity",
    target: str = "real",
    outputs: int = 1,
    **names: Any,
) -> Any:
    """Declare a loss: `y`, `t` of one output -> value; form="row": `y`, `dy`, `t` or `label` -> value, fills `dy`."""
    return _decorator("loss", form, {"link": link, "target": target, "outputs": outputs}, names)(function)


def optimizer(
    function: Callable[..., Any] | None = None,
    /,
    *,
    form: str = "elementwise",
    optional: Mapping[str, str] | None = None,
    **names: Any,
) -> Any:
    """Declare an optimizer: roles w g step learning_rate weight_decay, and states -> w, or (w, *states).

    `optional` maps a state to the parameter without which it is not stored.  form="matrix": plain NumPy that changes
    w and states in place, matrices (I, O), biases as (1, O), and is called for each of them in each step.
    form="solver": w (one float64 vector), evaluate, memory, step, learning_rate: see mathematics/optimizers/solvers.py.
    """
    return _decorator("optimizer", form, {"optional": dict(optional or {})}, names)(function)


def schedule(function: Callable[..., Any] | None = None, /, **names: Any) -> Any:
    """Declare a schedule: roles step steps epoch epochs monitor -> factor of the rate, or (factor, *states)."""
    return _decorator("schedule", "elementwise", {}, names)(function)


def initializer(function: Callable[..., Any] | None = None, /, **names: Any) -> Any:
    """Declare an initializer: `shape` = (I, O) and `random`, a NumPy Generator -> array."""
    return _decorator("initializer", "elementwise", {}, names)(function)


def metric(
    function: Callable[..., Any] | None = None,
    /,
    *,
    better: str = "higher",
    multilabel: bool = False,
    **names: Any,
) -> Any:
    """Declare a metric: `t`, `weight` and `label`, `probability` or `value` -> number; better: "higher" or "lower".

    multilabel: it also takes T yes/no labels: `t` and `label` (N, T), 1 for yes, and `probability` (N, T) of yes.
    """
    return _decorator("metric", "elementwise", {"better": better, "multilabel": multilabel}, names)(function)


@dataclass
class _Draft:
    """What decorators have gathered so far about a function; registering turns it into a Component."""

    kind: str
    form: str
    traits: dict[str, Any]
    name: str | None = None
    aliases: tuple[str, ...] = ()
    derivative: Callable[..., Any] | None = None
    slopes: dict[str, Callable[..., Any]] = field(default_factory=dict)
    backward: Callable[..., Any] | None = None
    frozen: bool = False


def _decorator(kind: str, form: str, traits: dict[str, Any], names: Mapping[str, Any]) -> Callable[..., Any]:
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        draft = _Draft(kind, form, traits, names.get("name"), tuple(names.get("aliases", ())))
        unknown = set(names) - {"name", "aliases"}
        if unknown:
            raise PluginError(
                f"{place_of(function)}: @{kind} has no trait {sorted(unknown)[0]!r} "
                f"(its traits: {', '.join(['name', 'aliases', *traits])})"
            )
        function.__numbann__ = draft  # type: ignore[attr-defined]
        function.derivative = lambda target: _derivative(draft, target)  # type: ignore[attr-defined]
        function.backward = lambda target: _part(draft, "backward", target)  # type: ignore[attr-defined]
        return function

    return lambda function: decorate if function is None else decorate(function)


def _derivative(draft: _Draft, target: str | Callable[..., Any]) -> Callable[..., Any]:
    """Serve both `@f.derivative` and `@f.derivative("alpha")`."""
    if callable(target):
        return _part(draft, "derivative", target)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        _refuse_frozen(draft, function)
        draft.slopes[target] = function
        return function

    return decorate


def _part(draft: _Draft, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
    _refuse_frozen(draft, function)
    setattr(draft, part, function)
    return function


def _refuse_frozen(draft: _Draft, function: Callable[..., Any]) -> None:
    if draft.frozen:
        raise PluginError(f"{place_of(function)}: the {draft.kind} is registered already and can no longer be changed")


# ---- from a decorated function to a Component


def freeze(function: Any) -> Component:
    """The component that a decorated function declares; PluginError, naming file and line, if it breaks the rules."""
    if isinstance(function, Component):
        return function
    draft = getattr(function, "__numbann__", None)
    if draft is None:
        raise PluginError(f"{place_of(function)}: not a component; decorate it with @{' or @'.join(KINDS)}")
    draft.frozen = True
    roles, parameters, states = _signature(draft, function)
    component = Component(
        draft.kind,
        draft.name or function.__name__,
        function,
        draft.form,
        draft.aliases,
        roles,
        parameters,
        states,
        draft.derivative,
        dict(draft.slopes),
        draft.backward,
        draft.traits,
    )
    _check(component)
    return component


def _signature(
    draft: _Draft, function: Callable[..., Any]
) -> tuple[tuple[str, ...], tuple[Parameter, ...], tuple[str, ...]]:
    """Sort the arguments into roles, parameters and states."""
    known = ROLES.get((draft.kind, draft.form))
    if known is None:
        forms = ", ".join(form for kind, form in ROLES if kind == draft.kind)
        raise PluginError(f"{place_of(function)}: {draft.kind} has no form {draft.form!r} (its forms: {forms})")
    roles, parameters, states = [], [], []
    for argument in inspect.signature(function, eval_str=True).parameters.values():
        has_default = argument.default is not argument.empty
        if argument.name in known:
            roles.append(argument.name)
            if has_default and argument.name not in SETTINGS:
                raise PluginError(
                    f"{place_of(function)}: {argument.name!r} is a role that core fills; it cannot have a default"
                )
        if has_default:
            parameters.append(_parameter(draft, function, argument))
        elif argument.name not in known:
            if draft.kind not in STATEFUL:
                raise PluginError(
                    f"{place_of(function)}: argument {argument.name!r} is neither a role "
                    f"({', '.join(known)}) nor a parameter (give it a default)"
                )
            states.append(argument.name)
    return tuple(roles), tuple(parameters), tuple(states)


def _parameter(draft: _Draft, function: Callable[..., Any], argument: inspect.Parameter) -> Parameter:
    annotation = argument.annotation if argument.annotation is not argument.empty else type(argument.default)
    parameter = Parameter(argument.name, argument.default, annotation)
    if parameter.type not in (float, int, bool, *([Numbers] if draft.kind == "schedule" else [])):
        raise PluginError(
            f"{place_of(function)}: parameter {argument.name!r} must be float, int or bool, not {parameter.type}"
        )
    return parameter


def _check(component: Component) -> None:
    """Refuse a component whose parts do not fit each other."""
    place = place_of(component.function)
    main = MAIN.get(component.kind)
    if main is not None and main not in component.roles:
        known = ", ".join(ROLES[component.kind, component.form])
        raise PluginError(f"{place}: every {component.kind} asks for {main} (its roles: {known})")
    _check_parts(component)
    if component.kind == "activation" and component.form == "row" and component.backward is None:
        raise PluginError(f"{place}: a row activation needs its backward: decorate one with @{component.name}.backward")
    if component.kind == "loss" and component.form == "row" and {"t", "label"} <= set(component.roles):
        raise PluginError(f"{place}: a row loss asks for `t` or for `label`, not for both")
    if component.kind == "loss" and component.traits["target"] not in TARGETS:
        raise PluginError(f"{place}: target {component.traits['target']!r} is unknown (known: {', '.join(TARGETS)})")
    if component.form == "solver" and component.states:
        raise PluginError(f"{place}: a solver keeps arrays in `memory`, not in states such as {component.states[0]!r}")
    if component.form != "elementwise" and component.traits.get("optional"):
        raise PluginError(f"{place}: `optional` is for elementwise optimizers")
    for state, parameter in component.traits.get("optional", {}).items():
        if state not in component.states or parameter not in component.defaults():
            raise PluginError(f"{place}: optional={{{state!r}: {parameter!r}}} must map a state to a parameter of it")
    if component.learnable and (component.kind != "activation" or component.form == "row"):
        raise PluginError(
            f"{place}: {component.learnable[0]!r} cannot be Learnable; only an elementwise activation's can"
        )
    stray = set(component.slopes) - set(component.learnable)
    if stray:
        raise PluginError(f"{place}: derivative({sorted(stray)[0]!r}) is of no learnable parameter")


def _check_parts(component: Component) -> None:
    """Refuse a derivative or a backward that asks for what it is not given."""
    given = {"activation": ("z", "u", "a"), "loss": ("y", "t")}.get(component.kind, ())
    parts = [(given, part) for part in (component.derivative, *component.slopes.values()) if part is not None]
    if component.backward is not None:
        parts.append((("z", "a", "da", "dz"), component.backward))
    for roles, part in parts:
        known = [*roles, *component.defaults()]
        for argument in arguments_of(part):
            if argument not in known:
                raise PluginError(f"{place_of(part)}: argument {argument!r} is none of {', '.join(known)}; use those")
