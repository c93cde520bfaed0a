"""Compiles the text of a component's kernel, and checks that all of its mathematics has the working precision."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

from numba import types
from numba.core import ir

from numbann.compile.modules import load
from numbann.compile.precision import Lowered
from numbann.compile.text import variable_of
from numbann.components.component import Component, arguments_of, place_of
from numbann.errors import PluginError
from numbann.simd import compiler
from numbann.simd.jit import DTYPES, SAFE
from numbann.simd.objects import Object


def compiled(component: Component, lowered: Lowered, source: str) -> Object:
    """Compile the kernel of a text; PluginError if one of its values is not of the working precision."""
    module = load(source)
    try:
        kernel, annotation = compiler.compiled_with_types(module.kernel, lowered.dtype, SAFE)
    except PluginError:
        raise
    except Exception as error:
        raise PluginError(
            f"{subject(component)}: does not compile: {first_line(error)}; write it with numbers alone"
        ) from error
    for variable, kind, given in (*_variables(lowered, module), *_own_variables(component, annotation)):
        fault = type_fault(variable, kind, DTYPES[lowered.dtype], given)
        if fault:
            shown = variable.split(".")[0].lstrip("$").removeprefix(variable_of(""))
            raise PluginError(f"{subject(component)}: {shown!r} {fault}")
    return kernel


def _variables(lowered: Lowered, module: Any) -> Iterator[tuple[str, Any, set[str]]]:
    """Each variable of the mathematics, its type, and the arrays of its function."""
    for name in lowered.functions.values():
        function = getattr(module, name)
        for overload in function.overloads.values():
            annotation = overload.type_annotation
            given = {*arguments_of(function.py_func), *_elements(annotation)}
            yield from ((variable, kind, given) for variable, kind in annotation.typemap.items())


def _own_variables(component: Component, annotation: Any) -> Iterator[tuple[str, Any, set[str]]]:
    """The same for the mathematics within a kernel; what the kernel makes around it are arrays, too."""
    functions = (component.function, component.backward or component.function)
    given = {variable_of(argument) for function in functions for argument in arguments_of(function)}
    for variable, kind in annotation.typemap.items():
        if not isinstance(kind, types.Array) or variable.startswith(variable_of("")):
            yield variable, kind, given


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
    own = variable.startswith(("arg.", "$phi"))  # $phi: an array that waits while numba chooses a value for its element
    known = own or variable in given or variable.split(".")[0] in given
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
