"""Exact derivatives of components: the author's where there is one, else derived from the function's source.

`terms` represents expressions, `reading` reads them from functions, `rules` differentiates them, and `writing` writes
functions from them.  A derived function is plain Python under the rules of components, and is compiled like any other.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from numbann.components.component import Component, arguments_of
from numbann.derivation.reading import read
from numbann.derivation.rules import Derivative, signs_tested
from numbann.derivation.terms import Term, Terms, assume, cost, replace, surely_within, within
from numbann.derivation.writing import function_of
from numbann.errors import PluginError

Function = Callable[..., Any]
MOST_WAYS = 16  # paths through an expression up to which its choices are moved to the front


@functools.cache
def derivative_of(component: Component) -> Function:
    """Return da/dz of an activation of one unit or of an embedding's output, or dvalue/dy of a loss of one output."""
    return component.derivative or _derived(component, "y" if component.kind == "loss" else "z")


@functools.cache
def derivative_to(component: Component, output: str) -> Function:
    """Return the derivative of a loss with respect to one of its named outputs."""
    return component.slopes.get(output) or _derived(component, output)


@functools.cache
def slopes_of(component: Component) -> tuple[Function, ...]:
    """Return the derivatives of an activation, or a part of an embedding, to its trained parameters in their order."""
    return tuple(component.slopes.get(name) or _derived(component, name) for name in component.learnable)


def keeps_z(component: Component) -> bool:
    """Tell whether an activation needs z beside a in the backward pass: a derivative uses z, or it has row form."""
    if component.form == "row":
        return True
    return any("z" in arguments_of(part) for part in (derivative_of(component), *slopes_of(component)))


def _derived(component: Component, argument: str) -> Function:
    """Derive the function that computes the derivative with respect to an argument."""
    function = component.function
    if component.form not in ("elementwise", "outputs"):
        raise PluginError(f"{component.kind} {component.name}: a function of rows cannot be derived")
    root = read(Terms(), function)
    own = argument if component.kind == "loss" else "a"
    result = _cheapest(root, argument, root.terms.argument("a") if own == "a" else None)
    for term in within(result):
        if term.operation == "unknown":
            raise root.terms.refusals[term.value]
    place = f"{inspect.getsourcefile(function)}:{function.__code__.co_firstlineno}"
    name = f"{function.__name__}_d{argument}"
    arguments = list(dict.fromkeys((*component.outputs, *component.roles, own, *component.defaults())))
    return function_of(result, name, arguments, own, f"<{name}, derived from {place}>")


def _cheapest(root: Term, argument: str, value: Term | None) -> Term:
    """Return the cheapest form of an expression's derivative: as it is, or with all choices moved to the front.

    value: a term that may replace the expression's own value, such as a.
    """
    tests = signs_tested(root)

    def by_ways(way: Term, facts: dict[Term, bool]) -> Term:
        test = next((term.parts[0] for term in surely_within(way) if term.operation == "if"), None)
        if test is None:
            return assume(by_end(way), facts)
        ways = (by_ways(assume(way, {test: known}), {**facts, test: known}) for known in (True, False))
        return root.terms.choice(test, *ways)

    def by_end(end: Term) -> Term:
        derivative = Derivative(end, argument, tests)
        slope = replace(derivative.of(end), derivative.values)
        return slope if value is None else min(slope, replace(slope, {end: value}), key=cost)

    return min(by_end(root), by_ways(root, {}), key=cost) if _ways(root) <= MOST_WAYS else by_end(root)


def _ways(root: Term) -> int:
    """Return an upper bound on the number of paths through an expression's choices."""
    return 2 ** len({term.parts[0] for term in within(root) if term.operation == "if"})
