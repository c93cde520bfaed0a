"""Kernels of any component: numbann.kernels.of, for those of plugins, of files, and as decorated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from numbann.components.component import Component, Function
from numbann.components.declare import freeze
from numbann.errors import RegistryError, did_you_mean
from numbann.kernels.components import SUFFIXES, array_functions, check_numbers, defaults_of
from numbann.plugins.finding import with_files


def of(name: str | Function, *, plugins: Iterable[str | Path] = (), **parameters: Any) -> Any:
    """The kernels of a component, with these parameters as their defaults: for Python and for @njit code.

        swish, swish_backward = numbann.kernels.of("swish", beta=2.0)

    An activation has two, NAME and NAME_backward, a loss has NAME, an optimizer NAME_step.  name: of a built-in
    component or of an installed plugin, or a decorated function.  plugins: files in which the name is looked up, too.
    """
    component = _component(name, [plugins] if isinstance(plugins, str | Path) else plugins)
    values = component.configured(**parameters).values
    check_numbers(component, component.name, {**defaults_of(component), **values})
    with_values = tuple(replace(one, default=values[one.name]) for one in component.parameters)
    functions = array_functions(replace(component, parameters=with_values))
    found = [functions[component.name + suffix] for suffix in SUFFIXES[component.kind] if functions]
    if not found:
        raise RegistryError(f"{component.told} works on whole matrices and has no kernel; numbann.get_optimizer has it")
    return found[0] if len(found) == 1 else tuple(found)


def _component(name: Any, files: Iterable[str | Path]) -> Component:
    """The activation, loss or optimizer of a name, or that a function declares."""
    if hasattr(name, "__numbann__"):
        component = freeze(name)
        if component.kind not in SUFFIXES:
            raise RegistryError(f"{component.told} has no kernel; those of activations, losses and optimizers have")
        return component
    if not isinstance(name, str):
        raise RegistryError(f"kernels.of takes a name or a decorated function, not {name!r}")
    catalogue = with_files(map(Path, files))
    for kind in SUFFIXES:
        if catalogue.find(kind, name) is not None:
            return catalogue.get(kind, name)
    known = [one for kind in SUFFIXES for one in catalogue.names(kind)]
    raise RegistryError(f'no activation, loss or optimizer is named "{name}"{did_you_mean(name, known)}')
