"""Declares components: the decorators, and `freeze`, which turns a decorated function into a Component."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from numbann.components.component import Component, place_of
from numbann.components.kinds.activation import activation, faults_of_activation
from numbann.components.kinds.draft import Draft
from numbann.components.kinds.embedding import embedding, faults_of_embedding, with_terms
from numbann.components.kinds.initializer import initializer
from numbann.components.kinds.loss import faults_of_loss, loss
from numbann.components.kinds.metric import metric
from numbann.components.kinds.optimizer import faults_of_optimizer, optimizer
from numbann.components.kinds.rules import faults_of_function, faults_of_parts, faults_of_training, roles_of
from numbann.components.kinds.schedule import schedule
from numbann.components.parameter import Parameter
from numbann.components.roles import KINDS, ROLES
from numbann.errors import PluginError

__all__ = [
    "Draft",
    "activation",
    "embedding",
    "freeze",
    "initializer",
    "loss",
    "metric",
    "optimizer",
    "schedule",
]

FAULTS: Mapping[str, Callable[[Component], Iterator[str]]] = {  # of a kind alone, of those that have more rules
    "activation": faults_of_activation,
    "embedding": faults_of_embedding,
    "loss": faults_of_loss,
    "optimizer": faults_of_optimizer,
}


def freeze(function: Any) -> Component:
    """Return the component that a decorated function declares; PluginError with the line if it breaks the rules."""
    if isinstance(function, Component):
        return function
    draft: Draft | None = getattr(function, "__numbann__", None)
    if draft is None:
        raise PluginError(f"{place_of(function)}: not a component; decorate it with @{' or @'.join(KINDS)}")
    draft.frozen = True
    component = _with_arguments(draft.component)
    if component.kind == "embedding":
        component = with_terms(component, [_with_arguments(one.component) for one in draft.drafts])
    elif draft.drafts:
        raise PluginError(f"{place_of(function)}: @{component.name}.term is for an embedding")
    for one in (*component.terms, component):
        for fault in _faults(one):
            raise PluginError(f"{place_of(one.function)}: {fault}")
    for part, fault in faults_of_parts(component):
        raise PluginError(f"{place_of(part)}: {fault}")
    return component


def _faults(component: Component) -> Iterator[str]:
    """Yield what in a component breaks the rules, or contradicts the rest."""
    yield from faults_of_function(component)
    if component.kind in FAULTS:
        yield from FAULTS[component.kind](component)
    yield from faults_of_training(component)


def _with_arguments(component: Component) -> Component:
    """Return the component with its function's arguments sorted into roles, parameters, states and outputs."""
    try:
        arguments = inspect.signature(component.function, eval_str=True).parameters.values()
    except (NameError, SyntaxError, TypeError, ValueError) as error:
        raise PluginError(f"{place_of(component.function)}: an annotation or the signature fails: {error}") from None
    for one in arguments:
        if one.kind not in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY):
            raise PluginError(f"{place_of(component.function)}: {one} is passed by its name; leave out *, ** and /")
    if component.kind == "loss" and component.form == "elementwise" and not any(one.name == "y" for one in arguments):
        component = replace(component, form="outputs")
    if (component.kind, component.form) not in ROLES:
        forms = ", ".join(form for kind, form in ROLES if kind == component.kind)
        place = place_of(component.function)
        raise PluginError(f"{place}: {component.kind} has no form {component.form!r} (its forms: {forms})")
    known = roles_of(component)
    others = tuple(each.name for each in arguments if each.default is each.empty and each.name not in known)
    named = component.form == "outputs" or component.kind == "metric"
    own = component.traits.get("outputs", 1) if component.form == "batch" else 1
    counted = {"outputs": len(others) if named else own} if component.kind == "loss" else {}
    return replace(
        component,
        roles=tuple(each.name for each in arguments if each.name in known),
        parameters=tuple(_parameter(each) for each in arguments if each.default is not each.empty),
        states=() if named else others,
        outputs=others if named else (),
        traits={**component.traits, **counted},
    )


def _parameter(argument: inspect.Parameter) -> Parameter:
    annotation = argument.annotation if argument.annotation is not argument.empty else type(argument.default)
    return Parameter(argument.name, argument.default, annotation)
