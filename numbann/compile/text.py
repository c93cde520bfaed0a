"""From a component's lowered mathematics and a template to a compiled kernel: names, parameters, and errors.

It serves all kinds of components; cpu.py and numbann.cuda.compile have the templates.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any

from numba import types
from numba.core import ir

from numbann.compile.modules import load
from numbann.compile.precision import Lowered
from numbann.components.component import Component, Parameter, arguments_of, place_of
from numbann.errors import PluginError
from numbann.simd import jit

HEADER = '''"""Made by numbann from a component's mathematics."""
{imports}
import numpy as np
from numbann.simd.dense import block, lanes_like, runs
from numbann.simd.dropout import key_of
from numbann.simd.jit import inner_safe
from numbann.simd.machine import prefer_wide
from numbann.simd.noise import noise
from numbann.simd.op import *
from numbann.simd.pointer import advance, apart, on_stack, padded, view
from numbann.simd.rows import copy_row, row_sum, scale_row
from numba import carray

F = np.{dtype}


{functions}


'''


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


def free_parameters(component: Component) -> list[str]:
    """The parameters that are no roles, and an optimizer's batch size, in the order in which the kernel finds them."""
    own = [parameter.name for parameter in component.parameters if parameter.name not in component.roles]
    return own + [role for role in component.roles if role == "batch_size"]


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


def kernel_of(component: Component, lowered: Lowered, text: str, signature: Any = jit.kernel_signature) -> int:
    """Compile the text to a kernel; PluginError if one of its values is not of the working precision."""
    header = HEADER.format(imports="\n".join(sorted(lowered.imports)), dtype=lowered.dtype, functions=lowered.text)
    module = load(header + text)
    dtype = jit.DTYPES[lowered.dtype]
    try:
        kernel = jit.compiled(module.kernel, signature(dtype), jit.SAFE)
    except PluginError:
        raise
    except Exception as error:
        raise PluginError(
            f"{subject(component)}: does not compile: {first_line(error)}; write it with numbers alone"
        ) from error
    if not kernel.cache_hits:
        try:
            _check_types(component, lowered, module, dtype)
        except PluginError:
            kernel._cache.flush()  # the next process would find the kernel and not check it
            raise
    return kernel.address


def _check_types(component: Component, lowered: Lowered, module: Any, dtype: Any) -> None:
    """PluginError unless every number in the mathematics has the working precision and no array is made in it."""
    for name in lowered.functions.values():
        function = getattr(module, name)
        for overload in function.overloads.values():
            annotation = overload.type_annotation
            given = {*arguments_of(function.py_func), *_elements(annotation)}
            for variable, kind in annotation.typemap.items():
                fault = type_fault(variable, kind, dtype, given)
                if fault:
                    shown = variable.split(".")[0].lstrip("$")
                    raise PluginError(f"{subject(component)}: {shown!r} {fault}")


def _elements(annotation: Any) -> Iterator[str]:
    """The variables that hold what is read by an index, such as a row of a batch, without a copy."""
    for block in annotation.blocks.values():
        for one in block.find_insts(ir.Assign):
            if isinstance(one.value, ir.Expr) and one.value.op in ("getitem", "static_getitem"):
                yield one.target.name


def type_fault(variable: str, kind: Any, dtype: Any, given: Container[str]) -> str:
    """What is wrong with the type of a variable; empty if nothing is.  given: arrays that it need not make."""
    literal = variable.startswith("$const")  # the text casts every literal: F(0.5)
    if isinstance(kind, types.Float) and kind != dtype and not literal:
        return f"is computed in {kind}, not in {dtype}"
    known = variable.startswith("arg.") or variable in given or variable.split(".")[0] in given
    if isinstance(kind, types.Array) and not known:
        return "is an array; work on elements in a loop: for k in range(len(z))"
    return ""


def subject(component: Component) -> str:
    """Place, kind and name of a component, for errors."""
    return f"{place_of(component.function)}: {component.kind} {component.name}"


def first_line(error: Exception) -> str:
    """The first line of an error that tells something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and "nopython" not in line]
    return lines[0] if lines else type(error).__name__
