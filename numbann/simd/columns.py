"""How kernels read an op: the type of `op.NAME` in compiled code, and the columns that a kernel reads."""

from __future__ import annotations

import dis
import functools
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import models, register_model

from numbann.simd.op import COLUMNS, KERNEL, UNITS, Column

INTS = types.CPointer(types.int64)


class Op(types.Type):
    """The Numba type of an op in kernels of a precision."""

    def __init__(self, precision: types.Type) -> None:
        self.precision = precision
        super().__init__(name=f"Op({precision})")


@register_model(Op)
class _OpModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Op) -> None:
        super().__init__(manager, kind, ir.IntType(64).as_pointer())


@infer_getattr
class _OpTemplate(AttributeTemplate):
    key = Op

    def generic_resolve(self, op: Op, name: str) -> Any:
        column = COLUMNS[name]
        if column.holds == "number":
            return types.intp
        return INTS if column.holds == "functions" else types.CPointer(getattr(types, column.dtype(str(op.precision))))


@lower_getattr_generic(Op)
def _read(context: Any, builder: Any, op: Op, value: Any, name: str) -> Any:
    """Load a column: a number, or an address as a pointer; for functions, the place of their addresses."""
    column = COLUMNS[name]
    place = builder.gep(value, [ir.Constant(ir.IntType(64), int(column))])
    if column.holds == "functions":
        return place
    kind = _OpTemplate.generic_resolve(None, op, name)
    number = builder.load(place)
    return number if column.holds == "number" else builder.inttoptr(number, context.get_value_type(kind))


@functools.cache
def columns_of(kernel: Callable[..., Any]) -> dict[str, Column]:
    """The columns that a kernel and the compiled functions that it calls read, by name."""
    read = {line.argval for line in dis.get_instructions(kernel) if line.opname == "LOAD_ATTR"} & COLUMNS.keys()
    found = {name: COLUMNS[name] for name in sorted(read) if COLUMNS[name] not in (KERNEL, UNITS)}
    for name in kernel.__code__.co_names:
        called = kernel.__globals__.get(name)
        found |= columns_of(called.py_func) if hasattr(called, "py_func") else {}
    return found
