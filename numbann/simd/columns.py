"""How kernels read an op: the type that `op[NAME]` has in compiled code, and which columns a kernel reads."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.imputils import lower_constant
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model, typeof_impl

from numbann.simd.op import NAMES, Column

INTS = types.CPointer(types.int64)


class Op(types.Type):
    """An op of a kernel in some precision.  A plain number as its index gives that column as a number."""

    def __init__(self, precision: types.Float) -> None:
        self.precision = precision
        super().__init__(name=f"Op({precision})")

    def at(self, column: Column) -> types.Type:
        """The type of what a column holds."""
        dtype = column.dtype(str(self.precision))
        if dtype is not None:
            return types.CPointer(getattr(types, dtype))
        return INTS if column.holds == "functions" else types.intp


class ColumnType(types.Type):
    """The type of a column, a constant."""

    def __init__(self, column: Column) -> None:
        self.column = column
        super().__init__(name=f"Column({int(column)}, {column.holds})")


@register_model(Op)
class _OpModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Op) -> None:
        super().__init__(manager, kind, ir.IntType(64).as_pointer())


register_model(ColumnType)(models.OpaqueModel)


@typeof_impl.register(Column)
def _typeof(column: Column, _context: Any) -> ColumnType:
    return ColumnType(column)


@lower_constant(ColumnType)
def _constant(context: Any, builder: Any, kind: ColumnType, value: Column) -> Any:
    return context.get_dummy_value()


@infer_global(operator.getitem)
class _Read(AbstractTemplate):
    def generic(self, arguments: tuple[Any, ...], _names: Any) -> Any:
        op, column = arguments
        if isinstance(op, Op) and isinstance(column, ColumnType):
            return signature(op.at(column.column), op, column)
        return signature(types.intp, op, types.intp) if isinstance(op, Op) else None


@lower_builtin(operator.getitem, Op, ColumnType)
def _read(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
    """A column of an op: a number, or a number as a pointer; of functions, where their addresses are."""
    column = kinds.args[1].column
    place = builder.gep(arguments[0], [ir.Constant(ir.IntType(64), int(column))])
    if column.holds == "functions":
        return place
    number = builder.load(place)
    return number if column.holds == "number" else builder.inttoptr(number, context.get_value_type(kinds.return_type))


@lower_builtin(operator.getitem, Op, types.intp)
def _read_number(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
    return builder.load(builder.gep(arguments[0], [arguments[1]]))


# ---- what a kernel reads


@functools.cache
def columns_of(kernel: Callable[..., Any]) -> dict[str, Column]:
    """The columns that a kernel and the functions that it calls read, by name."""
    found: dict[str, Column] = {}
    for value in _globals_of(kernel):
        if isinstance(value, Column):
            found[value.name] = value
        elif hasattr(value, "py_func"):
            found |= columns_of(value.py_func)
    return found


def _globals_of(function: Callable[..., Any]) -> Iterator[Any]:
    """The values of the global variables that a function reads; a column may be an attribute of the module."""
    return (function.__globals__.get(name, NAMES.get(name)) for name in function.__code__.co_names)
