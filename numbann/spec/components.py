"""Looks up the components that a spec names, and gives each parameter a value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from annotated_types import Ge

from numbann.components.component import Component
from numbann.components.names import bare_name
from numbann.components.parameter import NonNegative, Parameter, Positive
from numbann.components.registry import OWN, Registry
from numbann.errors import ClashError, missing, not_allowed, shown, unknown_key
from numbann.spec.model import ComponentSpec, Scheduled, keys_of
from numbann.spec.rules import Rule, of_parameter
from numbann.spec.trail import Found, Trail

REQUIRED = object()  # stands for the default of a parameter that has none
CORE_PARAMETERS: dict[str, tuple[Parameter, ...]] = {
    "optimizer": (
        Parameter("learning_rate", REQUIRED, Positive),
        Parameter("weight_decay", 0.0, NonNegative),
        Parameter("l1", 0.0, NonNegative),
        Parameter("rates", "same", Literal["same", "width"]),
        Parameter("bias_rate", 1.0, NonNegative),
        Parameter("bias_decay", True, bool),
    ),
    "schedule": (Parameter("warmup_epochs", 0, Annotated[int, Ge(0)]),),
    "activation": (Parameter("blend", False, bool), Parameter("blend_rate", 1.0, Positive)),
}
SCHEDULED = ("weight_decay", "label_smoothing")  # parameters that may have a schedule
UNSAID = (
    "rates",
    "bias_rate",
    "bias_decay",
    "blend",
    "blend_rate",
)  # of core's; a resolved spec leaves them out at their defaults


def parameters_of(component: Component) -> tuple[Parameter, ...]:
    """Return the parameters that a spec may set: the component's own, and those that core owns."""
    return component.parameters + _core_parameters(component)


def _core_parameters(component: Component) -> tuple[Parameter, ...]:
    """Return the parameters that core owns; a row activation has none."""
    own = component.defaults()
    core = CORE_PARAMETERS.get(component.kind, ()) if component.form != "row" else ()
    return tuple(parameter for parameter in core if parameter.name not in own)


def choose(kind: str, given: Any, trail: Trail, registry: Registry | None) -> tuple[ComponentSpec, list[Found]]:
    """Return the component that a name or an object means, and its faults.  Without a registry, any name passes."""
    named = (*trail, "type") if isinstance(given, dict) else trail
    name, parameters = split(given)
    if name is None and "name" in parameters:
        return ComponentSpec(""), [((*trail, "name"), unknown_key("name", ["type", "..."]))]
    if not isinstance(name, str):
        return ComponentSpec(""), [(named, _no_name(kind, name))]
    try:
        entry = registry.find(kind, name) if registry else None
        if registry and entry:
            registry.titled(kind, entry.component.title)  # the name from here on, which may mean another one's, too
    except ClashError as error:
        return ComponentSpec(name), [(named, str(error))]
    if entry is not None:
        values, faults = _values(trail, entry.component, parameters, registry)
        return ComponentSpec(entry.component.title, values), faults
    return ComponentSpec(name), [(named, registry.unknown(kind, name))] if registry else []


def choose_scheduled(
    rule: Rule, given: dict[str, Any], trail: Trail, registry: Registry | None
) -> tuple[Scheduled, list[Found]]:
    """Return a number that a rule accepts with its schedule, and the faults of both."""
    keys = keys_of(Scheduled)
    faults = [((*trail, name), unknown_key(name, keys)) for name in given if name not in keys]
    value: Any = given.get("value")
    if not rule.accepts(value):
        told = rule.refusal(value) if "value" in given else missing(rule.words)
        faults.append(((*trail, "value"), told))
    schedule, found = choose("schedule", given.get("schedule", f"{OWN}:constant"), (*trail, "schedule"), registry)
    return Scheduled(value=value, schedule=schedule), faults + found


def choose_metrics(given: Any, trail: Trail, registry: Registry | None) -> tuple[Any, list[Found]]:
    """Return the metrics given, or "auto", and their faults."""
    if given == "auto":
        return given, []
    if isinstance(given, str):
        one, faults = choose("metric", given, trail, registry)
        return [one], faults
    if not isinstance(given, list) or not all(isinstance(one, str | dict) for one in given):
        allowed = '"auto", a metric, or a list of metrics: names, or objects such as {"type": NAME, ...parameters}'
        return given, [(trail, not_allowed(given, allowed))]
    chosen = [choose("metric", one, (*trail, index), registry) for index, one in enumerate(given)]
    metrics, faults = [metric for metric, _ in chosen], [fault for _, found in chosen for fault in found]
    for index, metric in enumerate(metrics):  # in the history they go by their bare names and their parameters
        name = bare_name(metric.type)
        same = [one for one in metrics[:index] if name and bare_name(one.type) == name]
        if any(one.type != metric.type or one.parameters == metric.parameters for one in same):
            other = ", or with other parameters" if metric.parameters else ""
            faults.append(((*trail, index), f"{shown(name)} is named twice; name it once{other}"))
    return metrics, faults


def split(given: Any) -> tuple[Any, dict[str, Any]]:
    """Split a component as given into name and parameters."""
    if not isinstance(given, dict):
        return given, {}
    return given.get("type"), {key: value for key, value in given.items() if key != "type"}


def _no_name(kind: str, given: Any) -> str:
    article = "an" if kind[0] in "aeiou" else "a"
    allowed = f'the name of {article} {kind}, or an object such as {{"type": NAME, ...parameters}}'
    return missing(allowed) if given is None else not_allowed(given, allowed)


def _values(
    trail: Trail, component: Component, given: dict[str, Any], registry: Registry | None
) -> tuple[dict[str, Any], list[Found]]:
    """Return a value for each parameter, and the faults of those given."""
    known = {parameter.name: parameter for parameter in parameters_of(component)}
    faults = [((*trail, name), _no_parameter(component, name, known)) for name in given if name not in known]
    values = {name: given.get(name, parameter.default) for name, parameter in known.items()}
    for name, parameter in known.items():
        rule = of_parameter(parameter)
        if name in SCHEDULED and isinstance(values[name], dict):
            values[name], found = choose_scheduled(rule, values[name], (*trail, name), registry)
            faults += found
        elif values[name] is REQUIRED:
            faults.append(((*trail, name), missing(f"{rule.words}: {component.name} has no default for it")))
        elif name in given and not rule.accepts(values[name]):
            faults.append(((*trail, name), not_allowed(values[name], rule.words)))
        elif parameter.type is float:
            values[name] = float(values[name])
    off = {one.name for one in _core_parameters(component) if one.name in UNSAID and values[one.name] == one.default}
    return {name: value for name, value in values.items() if name not in off}, faults


def _no_parameter(component: Component, name: str, known: Iterable[str]) -> str:
    if component.form == "row" and name in (parameter.name for parameter in CORE_PARAMETERS.get(component.kind, ())):
        return f"{component.name} works on whole rows, and {name} on single units; leave it out"
    return unknown_key(name, ["type", *known])
