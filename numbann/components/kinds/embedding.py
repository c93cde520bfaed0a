"""Embeddings: several numbers for one, by trained parameters, and the terms that they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from numbann.components.component import Component, Function, place_of
from numbann.components.kinds.draft import declared
from numbann.components.parameter import NonNegative, Parameter
from numbann.errors import PluginError

OUTPUTS, RATE = "outputs", "rate"  # parameters of every embedding: how many numbers, and what multiplies their rate
OTHER = "a term takes x, trained parameters, and the embedding's parameters by their names"


def embedding(
    function: Function | None = None,
    /,
    *,
    terms: str = "",
    passes: bool = False,
    init: str = "linear_uniform",
    **names: Any,
) -> Any:
    """Declare an embedding of a number: `x`, `z` -> one of `outputs` numbers, each with trained parameters of its own.

    `.term` declares a function of x, of which there are several terms, each with trained parameters of its own; z is
    their sum, each times a trained weight of the output.  terms: the whole-number parameter that counts them.  init:
    the initializer of these weights, as of a layer from terms to outputs.  passes: whether x is the last output.
    """
    return declared("embedding", "elementwise", {"terms": terms, "passes": passes, "init": init}, names, function)


def with_terms(component: Component, terms: Sequence[Component]) -> Component:
    """Return an embedding with its terms, their trained parameters, and a rate if it does not say one."""
    own = {one.name: one for one in component.parameters}
    terms = [replace(one, parameters=_of_term(one, own), states=()) for one in terms]
    trained = {each.name: each for one in terms for each in one.parameters if each.learnable}
    for one in terms:
        for each in one.parameters:
            if each.name in trained and (each != trained[each.name] or each.name in own):
                where = f"{place_of(one.function)}: {each.name!r}"
                raise PluginError(f"{where} is another parameter elsewhere in {component.name}; rename one of them")
    rate = [] if RATE in own else [Parameter(RATE, 1.0, NonNegative)]
    return replace(component, terms=tuple(terms), parameters=(*component.parameters, *trained.values(), *rate))


def _of_term(term: Component, known: Mapping[str, Parameter]) -> tuple[Parameter, ...]:
    """Return the parameters of a term: its own, which are trained, and those of the embedding that it takes by name."""
    for name in (one.name for one in term.parameters if not one.learnable):
        raise PluginError(
            f"{place_of(term.function)}: {name!r} of a term is trained: annotate it as Learnable; {OTHER}"
        )
    for name in term.states:
        if name not in known or known[name].learnable:
            raise PluginError(f"{place_of(term.function)}: argument {name!r} is neither x nor a parameter; {OTHER}")
    return (*term.parameters, *(known[name] for name in term.states))


def faults_of_embedding(component: Component) -> Iterator[str]:
    """Yield what is wrong with an embedding's counts, its terms and what it trains."""
    counts = {one.name: one.default for one in component.parameters if one.type is int}
    named, passes = component.traits["terms"], component.traits["passes"]
    if counts.get(OUTPUTS, 0) < 1 + bool(passes):
        yield f"an embedding has a parameter {OUTPUTS}: int, {1 + bool(passes)} or more, how many numbers stand for one"
    if component.terms and counts.get(named, 0) < 1:
        yield f"terms={named!r} must name a whole-number parameter, 1 or more: how many terms there are"
    if ("z" in component.roles) != bool(component.terms):
        name = component.name
        yield f"z is the mixture of its terms: declare these with @{name}.term and ask for z, or do neither"
    if "x" not in component.roles and not component.terms:
        yield "an embedding asks for x, the number, itself or in its terms"
    for name in (name for name, mark in component.marks.items() if mark.shared):
        yield f"learnable({name}): each number has its own; leave shared out"
