"""Components as parameters of an estimator: a name, {"type": NAME, ...parameters}, or the decorated function itself.

In a pickle a decorated function is its source, as in a model's file: so it is there where its module is not, and in the
workers of a search.
"""

from __future__ import annotations

import copyreg
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from numbann.components.built_in import built_in
from numbann.components.component import Component, Configured, Function, Origin
from numbann.components.declare import Draft, freeze
from numbann.errors import PluginError, RegistryError, not_allowed, shown


def configured(kind: str, given: Any, beside: Sequence[str] = ()) -> Configured:
    """Return the component that a parameter means, with its values; NumbannError if it means none.

    beside: the parameters that somebody else has taken out of what was given, for errors.
    """
    from numbann.spec.components import split  # here, as below, since scikit-learn's own names need none of it
    from numbann.spec.rules import of_parameter

    named, values = split(given)
    if named is None and isinstance(given, dict):
        raise RegistryError(f'{shown(given)} has no "type"; give it the name of the {kind}: {{"type": NAME, ...}}')
    component = _component(kind, named)
    own = component.defaults()
    if unknown := sorted(values.keys() - own.keys()):
        known = ", ".join((*beside, *own)) or "none"
        raise PluginError(f"{kind} {component.name}: unknown parameter {unknown[0]!r} (its parameters: {known})")
    chosen = component.configured(**without_numpy(values))
    rules = {parameter.name: of_parameter(parameter) for parameter in component.parameters}
    for name in values:
        if not rules[name].accepts(chosen.values[name]):
            raise PluginError(f"{component.told}: {name}: {not_allowed(chosen.values[name], rules[name].words)}")
    numbers = {one.name: float(chosen.values[one.name]) for one in component.parameters if one.type is float}
    return replace(chosen, values={**chosen.values, **numbers})


def _component(kind: str, given: Any) -> Component:
    """Return the component of a name, or that a decorated function declares."""
    if is_decorated(given):
        component = own(given)
        if component.kind == kind:
            return component
        raise RegistryError(f"{component.told} is no {kind}")
    if isinstance(given, str):
        from numbann.plugins.finding import with_files

        return with_files().get(kind, given)
    raise RegistryError(f"{shown(given)} names no {kind}; numbann.{kind} decorates one")


def is_decorated(given: Any) -> bool:
    """Tell whether a value is a function that declares a component."""
    return hasattr(given, "__numbann__")


def own(function: Function) -> Component:
    """Return the component that a decorated function declares, the same at every call; its file owns it."""
    return _own(function.__numbann__.component.function)  # type: ignore[attr-defined]


@functools.cache
def _own(function: Function) -> Component:
    component = freeze(function)
    for entry in built_in().find_all(component.kind, component.name):
        if entry.component.function is function:
            return entry.component
    return replace(component, plugin=Origin(function.__code__.co_filename, "", function.__module__))


def without_numpy(value: Any) -> Any:
    """Return NumPy's numbers, of which searches make their grids, as Python's, at any depth."""
    if isinstance(value, Mapping):
        return {key: without_numpy(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(without_numpy, value))
    return value.item() if isinstance(value, np.generic) else value


# ---- in a pickle


@dataclass(frozen=True)
class Kept:
    """A decorated function in a pickle: kind and name of its component, and its source."""

    kind: str
    name: str
    source: str


def kept(value: Any) -> Any:
    """Return a parameter with what a pickle keeps of each decorated function; PluginError if it has no source."""
    if not is_decorated(value) or own(value).plugin is None:
        return _throughout(value, kept)
    from numbann.model.provenance import record_of

    try:
        record = record_of(own(value))
    except OSError as error:
        told = f"{own(value).told} cannot be pickled: its source cannot be read"
        raise PluginError(f"{told} ({error}); define it in a file") from error
    return Kept(record["kind"], record["name"], record["source"])


def revived(value: Any) -> Any:
    """Return the parameter of which `kept` is what a pickle keeps.  This runs code, as a pickle may."""
    if isinstance(value, Kept):
        return _function(value)
    return _throughout(value, revived)


@functools.cache
def _function(kept: Kept) -> Function:
    from numbann.model.sources import component_of

    return component_of(kept.source, kept.kind, kept.name, "a pickle").function


def _draft_of(value: Any) -> Draft:
    draft: Draft = revived(value).__numbann__
    return draft


# joblib pickles a function of a script as code without its source; what was declared by it then has the source
copyreg.pickle(Draft, lambda draft: (_draft_of, (kept(draft.component.function),)))


def _throughout(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a value with the same change in lists, tuples and dicts."""
    if type(value) in (list, tuple):
        return type(value)(map(change, value))
    return {name: change(inner) for name, inner in value.items()} if type(value) is dict else value
