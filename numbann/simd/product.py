"""The product of two matrices at pointers, compiled once and called by name, as sweeps are.

The tiles are those of the engine, which stores weights in panels.  Here a is read where it is, and b too if it fits in
a near cache; blocks of a larger b are packed first, which takes little time beside the product.
"""

from __future__ import annotations

import functools

from numba import types
from numba.extending import intrinsic

from numbann.simd.jit import inner, takes
from numbann.simd.pointer import advance, itemsize, on_stack
from numbann.simd.rows import copy_padded
from numbann.simd.sizes import PANEL
from numbann.simd.sweep import call_named, name_functions, name_sweeps, named_sweep
from numbann.simd.tile import equal_blocks

DEPTH = 512  # the most of the depth that is taken at once: 128 KB of a panel of b
BLOCK = 540 << 10  # bytes of a block of rows of a: a part of the second-level cache
ZEROS = 64  # at least as many as a panel has columns
TABLE = DEPTH  # offsets of the rows of a block, or of its depths
NEAR, FEW_ROWS = 128 << 10, 12  # bytes of b that are read where they are, and rows of a for which all of b is


@inner
def numbers_to_pack(turned, rows, columns, depth, size):
    """How many numbers of b are packed at once; 0 if b is read where it is."""
    packs = turned or (rows > FEW_ROWS and depth * columns * size > NEAR)
    return equal_blocks(depth, DEPTH) * (columns + ZEROS) if packs else 0


def product_signature(dtype):
    """void (a, a_row, ..., packs)."""
    p, i = types.CPointer(dtype), types.intp
    return types.void(p, i, i, p, i, i, p, i, p, i, i, i, p, i)


@takes(product_signature)
def product(a, a_row, by_depth, b, b_row, b_column, bias, biased, c, rows, columns, depth, packed, packs):
    """c (rows, columns) = bias + a b for matrices at these pointers, where bias, unless biased, is 0.

    Compiled once and known to the linker by name, as sweeps are.  A block of rows of a stays in the second-level cache
    while the panels of b pass.  Each element is one chain of multiply-adds in the order of the depth, so its bits
    depend on no block.
    """
    table, init = on_stack(TABLE, 0), on_stack(ZEROS, c[0])
    size, lanes, deep = itemsize(c), 64 // itemsize(c), equal_blocks(depth, DEPTH)
    height = max(1, rows if by_depth else _block_height(rows, deep * size))
    for i in range(deep if by_depth else height):
        table[i] = i * a_row
    for j in range(PANEL * lanes):
        init[j] = 0
    for k in range(0, depth, deep):
        count = min(deep, depth - k)
        for i in range(0, rows, height):
            tall = min(height, rows - i)
            x = advance(a, k * a_row + i if by_depth else i * a_row + k)
            column = 0
            while column < columns:
                wide = min(PANEL * lanes, columns - column)
                if wide > lanes:
                    wide -= wide % lanes  # the columns that fill no vector are the last panel
                w, w_row = advance(b, k * b_row + column * b_column), b_row
                if packs:
                    w_row = (wide + lanes - 1) // lanes * lanes
                    block = advance(packed, column * deep)
                    if i == 0:
                        _pack_panel(w, b_row, b_column, wide, w_row, count, block)
                    w = block
                place = advance(c, i * columns + column)
                start, start_row = place, columns
                if k == 0:
                    start, start_row = advance(bias, column) if biased else init, 0
                if by_depth:
                    named_sweep("depth", wide, x, table, w, w_row, start, start_row, place, columns, tall, count)
                else:
                    named_sweep("rows", wide, x, table, w, w_row, start, start_row, place, columns, tall, count)
                column += wide
    if depth == 0:
        for i in range(rows):
            for j in range(columns):
                c[i * columns + j] = bias[j] if biased else 0


@inner
def _block_height(rows, row):
    """The height of equal blocks of rows of `row` bytes, in whole tiles; at most TABLE."""
    blocks = max(1, (rows * row + BLOCK // 2) // BLOCK)
    return min(rows, TABLE, ((rows + blocks - 1) // blocks + 11) // 12 * 12)


@inner
def _pack_panel(b, b_row, b_column, real, width, depth, block):
    """block (depth, width) = the first `real` columns of b side by side, padded with zeros to whole vectors."""
    for k in range(depth):
        line, source = advance(block, k * width), advance(b, k * b_row)
        if b_column == 1:
            copy_padded(source, line, real)
        else:
            for j in range(width):
                line[j] = source[j * b_column] if j < real else 0


@intrinsic
def named_product(typing, a, a_row, by_depth, b, b_row, b_column, bias, biased, c, rows, columns, depth, packed, packs):
    """Call `product` on arrays, which live until it ends; a bias may be None."""
    given = (a, a_row, by_depth, b, b_row, b_column, bias, biased, c, rows, columns, depth, packed, packs)

    def generate(context, builder, signature, arguments):
        kinds = product_signature(a.dtype).args
        values = [_lowered(context, builder, *each) for each in zip(arguments, signature.args, kinds, strict=True)]
        call_named(builder, "product", a.dtype, values)
        return context.get_dummy_value()

    return types.void(*given), generate


def _lowered(context, builder, value, kind, needed):
    """A number as one of another type; an array as a pointer to its first element, and None as that to nothing."""
    if isinstance(kind, types.Array):
        return context.make_array(kind)(context, builder, value).data
    if isinstance(kind, types.NoneType):
        return context.get_constant_null(needed)
    return context.cast(builder, value, kind, needed)


@functools.cache
def name_product() -> None:
    """Make the product known to the linker, once a process and before code that calls `named_product` is loaded."""
    name_sweeps()
    name_functions([product])
