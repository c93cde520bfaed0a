"""Sweeps: tiles down all rows of a panel of 1 to 4 vectors, each compiled alone and called by its address.

A sweep is (a, table, b, b_row, init, init_row, c, c_row, rows, depth), as `tile.sweep` describes.  `rows` sweeps read a
by a table of rows, `depth` sweeps read a transposed by a table of depths.
"""

from __future__ import annotations

from typing import Any

from numba import types

from numbann.simd import jit
from numbann.simd.jit import INTS
from numbann.simd.tile import sweep
from numbann.simd.vector import BYTES

PANEL = 4  # vectors in a panel


def lanes_of(dtype: str) -> int:
    """Elements in a vector."""
    return BYTES // (4 if dtype == "float32" else 8)


def rows_1(a, table, b, b_row, init, init_row, c, c_row, rows, depth):
    sweep(1, 0, a, table, b, b_row, init, init_row, c, c_row, rows, depth)


def rows_2(a, table, b, b_row, init, init_row, c, c_row, rows, depth):
    sweep(2, 0, a, table, b, b_row, init, init_row, c, c_row, rows, depth)


def rows_3(a, table, b, b_row, init, init_row, c, c_row, rows, depth):
    sweep(3, 0, a, table, b, b_row, init, init_row, c, c_row, rows, depth)


def rows_4(a, table, b, b_row, init, init_row, c, c_row, rows, depth):
    sweep(4, 0, a, table, b, b_row, init, init_row, c, c_row, rows, depth)


def depth_1(a, table, b, b_row, init, init_row, c, c_row, rows, depth):
    sweep(1, 1, a, table, b, b_row, init, init_row, c, c_row, rows, depth)


def depth_2(a, table, b, b_row, init, init_row, c, c_row, rows, depth):
    sweep(2, 1, a, table, b, b_row, init, init_row, c, c_row, rows, depth)


def depth_3(a, table, b, b_row, init, init_row, c, c_row, rows, depth):
    sweep(3, 1, a, table, b, b_row, init, init_row, c, c_row, rows, depth)


def depth_4(a, table, b, b_row, init, init_row, c, c_row, rows, depth):
    sweep(4, 1, a, table, b, b_row, init, init_row, c, c_row, rows, depth)


ROWS = (rows_1, rows_2, rows_3, rows_4)
DEPTH = (depth_1, depth_2, depth_3, depth_4)


def sweep_signature(dtype: Any) -> Any:
    """void (a, table, b, b_row, init, init_row, c, c_row, rows, depth)."""
    p = types.CPointer(dtype)
    return types.void(p, INTS, p, types.intp, p, types.intp, p, types.intp, types.intp, types.intp)


def sweep_addresses(family: tuple[Any, ...], dtype: str, columns: int) -> list[int]:
    """Addresses of the family's sweeps of 1 to 4 vectors; 0 where a matrix of so many vectors needs none."""
    needed = {PANEL} if columns >= PANEL else set()
    if columns % PANEL:
        needed.add(columns % PANEL)
    return [jit.address(function, dtype, sweep_signature) if width in needed else 0
            for width, function in enumerate(family, start=1)]
