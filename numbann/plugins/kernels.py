"""Kernels of any component: numbann.kernels.of, for those of plugins, of files, and as decorated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from numbann.components.component import Component, Function
from numbann.components.declare import freeze
from numbann.errors import RegistryError, did_you_mean
from numbann.kernels.components import SUFFIXES
from numbann.kernels.host import functions_of
from numbann.kernels.parameters import check_numbers, defaults_of
from numbann.plugins.finding import with_files


def of(name: str | Function, *, kind: str | None = None, plugins: Iterable[str | Path] = (), **parameters: Any) -> Any:
    """The kernels of a component, with these parameters as their defaults: for Python and for @njit code.

        swish, swish_backward = numbann.kernels.of("swish", beta=2.0)

    An activation or an embedding has two, NAME and NAME_backward, a loss or an initializer has NAME, an optimizer
    NAME_step, a metric NAME_metric.  name: of a built-in component or of an installed plugin, or a decorated function.
    kind: such as "metric", where a loss has the same name.  plugins: files in which the name is looked up, too.
    """
    component = _component(name, kind, [plugins] if isinstance(plugins, str | Path) else plugins)
    values = component.configured(**parameters).values
    check_numbers(component, component.name, {**defaults_of(component), **values})
    with_values = tuple(replace(one, default=values[one.name]) for one in component.parameters)
    functions = functions_of(replace(component, parameters=with_values))
    found = [functions[component.name + suffix] for suffix in SUFFIXES[component.kind] if functions]
    if not found:
        raise RegistryError(f"{component.told} works on whole matrices and has no kernel; numbann.get_optimizer has it")
    return found[0] if len(found) == 1 else tuple(found)


def _component(name: Any, kind: str | None, files: Iterable[str | Path]) -> Component:
    """The component of a name, or that a function declares; of a kind, if one is given."""
    if kind not in (None, *SUFFIXES):
        raise RegistryError(f"kernels.of: kind is {kind!r}; give one of {', '.join(SUFFIXES)}")
    kinds = [kind] if kind else list(SUFFIXES)
    if hasattr(name, "__numbann__"):
        component = freeze(name)
        if component.kind not in SUFFIXES:
            raise RegistryError(f"{component.told} has no kernel; those of {', '.join(SUFFIXES)} have")
        return component
    if not isinstance(name, str):
        raise RegistryError(f"kernels.of takes a name or a decorated function, not {name!r}")
    catalogue = with_files(map(Path, files))
    for one in kinds:
        if catalogue.find(one, name) is not None:
            return catalogue.get(one, name)
    known = [each for one in kinds for each in catalogue.names(one)]
    raise RegistryError(f'no {kind or "component with kernels"} is named "{name}"{did_you_mean(name, known)}')
