"""From a component's lowered mathematics and a template to a compiled kernel: names, parameters, and errors.

It serves all kinds of components; cpu.py and numbann.cuda.compile have the templates.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from typing import Any

from numbann.compile.modules import name_of
from numbann.compile.precision import Lowered
from numbann.components.component import Component, arguments_of, free_parameters
from numbann.components.parameter import Parameter
from numbann.errors import PluginError
from numbann.simd import objects

HEADER = '''"""Made by numbann from a component's mathematics."""
{imports}
import numpy as np
from numbann.simd.dense import block, lanes_like, runs
from numbann.simd.dropout import key_of
from numbann.simd.jit import inner_safe, takes, update_signature
from numbann.simd.machine import prefer_wide
from numbann.simd.noise import noise
from numbann.simd.op import *
from numbann.simd.pointer import advance, apart, on_stack, padded, view
from numbann.simd.rows import copy_row, row_sum, scale_row
from numba import carray

F = np.{dtype}


{functions}


'''
DRAWS = "low, high = key_of(op, step, r)"  # what a row's noise is made of
DRAW = "max(F(noise(low, high, column + i)), F(0.5)) * F(5.9604644775390625e-08)"  # 24 bits times 2^-24, never 0
NO_DRAW = "F(0.5)"


def names_the_plugin(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Make errors of a component's kernel name the component's plugin."""

    @functools.wraps(kernel)
    def made(component: Component, *arguments: Any, **options: Any) -> Any:
        try:
            return kernel(component, *arguments, **options)
        except PluginError as error:
            if component.plugin is None or str(component.plugin) in str(error):
                raise
            raise PluginError(f"{component.plugin}: {error}") from error

    return made


def call_of(name: str, component: Component, function: Callable[..., Any], given: Mapping[str, str]) -> str:
    """A call of a component's lowered function, with the text of each argument."""
    stands = {**{own: variable_of(own) for own in free_parameters(component)}, **given}
    return f"{name}({', '.join(stands.get(argument, argument) for argument in arguments_of(function))})"


def variable_of(parameter: str) -> str:
    """A parameter's name in the text, which no other variable has."""
    return f"own_{parameter}"


def parameters_of(component: Component) -> str:
    """Lines that read the parameters of an activation or a loss; the label smoothing may be another in each step."""
    moves = {"label_smoothing": "step[INDEX] * op.PARAMETERS_ROW + "}
    return "\n".join(
        f"    {variable_of(parameter.name)} = op.PARAMETERS[{moves.get(parameter.name, '')}{k}]{as_bool(parameter)}"
        for k, parameter in enumerate(component.parameters)
        if not parameter.learnable
    )


def vectors_of(component: Component, each: str) -> str:
    """Lines that read the trained numbers: `each` for those of a unit, and a number for those that all units share."""
    count = sum(not mark.shared for mark in component.marks.values())
    shared = f"    {{own}} = op.VECTORS[{count} * op.COLUMNS + {{place}} * lanes_like(op.VECTORS)]"
    return "\n".join(
        (shared if mark.shared else each).format(own=variable_of(name), name=name, k=k, place=k - count)
        for k, (name, mark) in enumerate(component.marks.items())
    )


def hyper_parameters(component: Component, off: set[str]) -> str:
    """Lines that read the parameters of an optimizer."""
    by_name = {parameter.name: parameter for parameter in component.parameters}
    lines = []
    for k, name in enumerate(free_parameters(component)):
        value = "F(0)" if name in off else f"hyper[FIRST_PARAMETER + {k}]"
        lines.append(f"    {variable_of(name)} = {value}{as_bool(by_name.get(name))}")
    return "\n".join(lines)


def as_bool(parameter: Parameter | None) -> str:
    """The test that turns a parameter's number into a flag; empty for other numbers."""
    return " != F(0)" if parameter and parameter.type is bool else ""


def kernel_of(component: Component, lowered: Lowered, text: str) -> int:
    """The address of the kernel of a text; PluginError if one of its values is not of the working precision."""
    header = HEADER.format(imports="\n".join(sorted(lowered.imports)), dtype=lowered.dtype, functions=lowered.text)
    source = header + text
    key = (name_of(source), "kernel", lowered.dtype)
    return objects.find(key) or objects.make(key, lambda: _checking().compiled(component, lowered, source))


def _checking() -> Any:
    """The module that compiles and checks a component's kernel, which imports numba."""
    return importlib.import_module("numbann.compile.checking")
