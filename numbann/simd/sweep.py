"""Sweeps: tiles down all rows of a panel of 1 to 4 vectors, each compiled alone and called by its address.

A sweep is (a, table, b, b_row, init, init_row, c, c_row, rows, depth), as `tile.sweep` describes.  The sweeps `rows_N`
read a by a table of rows; the sweeps `depth_N` read a transposed by a table of depths, and `ahead_4` does so too and
asks for what is needed next.  Of those with `half` in their names the last vector is padding in its second half: they
take half a vector less time.  Compiled once, they keep the code of tiles out of the kernels that multiply.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from numbann.simd.jit import DTYPES, INTS, sums_of, takes
from numbann.simd.named import sweep_name
from numbann.simd.objects import Place, address
from numbann.simd.sizes import BYTES, PANEL, lanes_of
from numbann.simd.tile import sweep, sweep_ahead, sweep_part
from numbann.simd.vector import constant, lanes


def sweep_signature(dtype: Any) -> Any:
    """void (a, table, b, b_row, init, init_row, c, c_row, rows, depth)."""
    c = types.CPointer(sums_of(dtype))
    a = c if c.dtype == dtype else types.CPointer(types.int32)
    return types.void(a, INTS, a, types.intp, c, types.intp, c, types.intp, types.intp, types.intp)


def ahead_signature(dtype: Any) -> Any:
    """void (a, ..., depth, ahead, ahead_table, beside)."""
    c = types.CPointer(sums_of(dtype))
    return types.void(*sweep_signature(dtype).args, c, INTS, c)


def part_signature(dtype: Any) -> Any:
    """void (a, ..., depth, columns)."""
    return types.void(*sweep_signature(dtype).args, types.intp)


def _sweep(family: str, halves: int) -> Callable[..., None]:
    """A sweep of a literal width."""
    by_depth = int(family == "depth")

    def down(a, table, b, b_row, init, init_row, c, c_row, rows, depth):
        sweep(halves, by_depth, a, table, b, b_row, init, init_row, c, c_row, rows, depth)

    down.__name__ = down.__qualname__ = sweep_name(family, halves)  # each has a file of its own in the cache
    return takes(sweep_signature)(down)


def _sweeps(family: str, first: int) -> tuple[Callable[..., None], ...]:
    """Those of a family with padding in the last half of a vector (first = 1), or without (2)."""
    return tuple(_sweep(family, halves) for halves in range(first, 2 * PANEL + 1, 2))


ROWS, DEPTH, HALF_ROWS, HALF_DEPTH = _sweeps("rows", 2), _sweeps("depth", 2), _sweeps("rows", 1), _sweeps("depth", 1)
rows_1, rows_2, rows_3, rows_4 = ROWS
depth_1, depth_2, depth_3, depth_4 = DEPTH
rows_half_1, rows_half_2, rows_half_3, rows_half_4 = HALF_ROWS
depth_half_1, depth_half_2, depth_half_3, depth_half_4 = HALF_DEPTH


@takes(ahead_signature)
def ahead_4(a, table, b, b_row, init, init_row, c, c_row, rows, depth, ahead, ahead_table, beside):
    """The sweep depth_4, and a look ahead."""
    sweep_ahead(a, table, b, b_row, init, init_row, c, c_row, rows, depth, ahead, ahead_table, beside)


def _sweep_part(family: str, halves: int) -> Callable[..., None]:
    """A sweep over the first columns of a vector of 1 or 2 halves."""
    by_depth = int(family == "depth")

    def down(a, table, b, b_row, init, init_row, c, c_row, rows, depth, columns):
        sweep_part(halves, by_depth, a, table, b, b_row, init, init_row, c, c_row, rows, depth, columns)

    down.__name__ = down.__qualname__ = f"{family}_part_{halves}"
    return takes(part_signature)(down)


PARTS = tuple(_sweep_part(family, halves) for family in ("rows", "depth") for halves in (1, 2))
rows_part_1, rows_part_2, depth_part_1, depth_part_2 = PARTS


# ---- sweeps by name: compiled code that is kept on disk cannot contain an address


@functools.cache
def name_sweeps() -> None:
    """Make every sweep known to the linker, once a process and before code that calls `named_sweep` is loaded."""
    name_functions(ROWS + DEPTH + PARTS)


def name_functions(functions: Iterable[Callable[..., Any]]) -> None:
    """Make functions of pointers, compiled for both precisions, known to the linker."""
    for dtype, function in itertools.product(DTYPES, functions):
        place = Place(function.__module__, function.__name__)
        llvm.add_symbol(_symbol(function.__name__, lanes_of(dtype)), address(place, dtype))


def call_named(builder: Any, name: str, scalar: Any, arguments: list[Any]) -> None:
    """Call the function of a name, and of a type of numba's."""
    kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
    symbol = _symbol(name, BYTES * 8 // scalar.bitwidth)
    builder.call(cgutils.get_or_insert_function(builder.module, kind, symbol), arguments)


@intrinsic(prefer_literal=True)
def named_sweep(typing, family, columns, a, table, b, b_row, init, init_row, c, c_row, rows, depth):
    """Call the sweep of a family ("rows" or "depth", a literal) of 1 to 4 vectors of columns, or of a part of one."""
    name = family.literal_value
    operands = (a, INTS, a, types.intp, a, types.intp, a, types.intp, types.intp, types.intp)

    def generate(context, builder, signature, arguments):
        columns, *given = arguments[1:]
        count = lanes(given[0].type.pointee)

        def call(arguments, functions):
            """The one of some functions, each with the most columns that it takes."""
            kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
            chosen = None
            for most, function in sorted(functions.items(), reverse=True):
                this = cgutils.get_or_insert_function(builder.module, kind, _symbol(f"{name}_{function}", count))
                fits = builder.icmp_signed("<=", columns, constant(most))
                chosen = builder.select(fits, this, chosen) if chosen else this
            builder.call(chosen, arguments)

        with builder.if_else(builder.icmp_signed("<", columns, constant(count))) as (part, whole):
            with part:
                call([*given, columns], {count // 2: "part_1", count: "part_2"})
            with whole:
                call(given, {width * count: width for width in range(1, PANEL + 1)})
        return context.get_dummy_value()

    return types.void(family, types.intp, *operands), generate


def _symbol(name: str, count: int) -> str:
    return f"numbann_{name}_x{count}"
