"""The product of two matrices at pointers, compiled once and called by name, as sweeps are.

The tiles are those of the engine, which stores weights in panels.  Here a is read where it is, and b too if it fits in
a near cache; blocks of a larger b are packed first, which takes little time beside the product.  Without AVX-512, where
tiles are narrow and caches small, blocks of a are packed too, and each tile asks for what comes after it.
"""

from __future__ import annotations

import functools

from numba import types
from numba.extending import intrinsic

from numbann.simd.jit import inner, takes
from numbann.simd.machine import WIDE
from numbann.simd.pointer import advance, fetch, itemsize, on_stack
from numbann.simd.rows import copy_padded
from numbann.simd.sizes import PANEL
from numbann.simd.sweep import call_named, name_functions, name_sweeps, named_sweep
from numbann.simd.tile import NARROW_HEIGHTS, equal_blocks

# Bytes of a block of rows of a, a part of the second-level cache, and of one such row: the most of the depth at once
BLOCK, DEEP = (540 << 10, 4096) if WIDE else (288 << 10, 2048)
PACKED = PANEL if WIDE else 1  # vectors of packed columns side by side: as many as a tile reads
ZEROS = 64  # at least as many as a panel has columns
TABLE = 512  # offsets of the rows of a block, or of its depths
NEAR, FEW_ROWS = 128 << 10, 12  # bytes of b that are read where they are, and rows of a for which all of b is
MANY, FAR = 256, 1 << 20  # columns of b for which blocks of a are packed, and bytes of a
TILE = NARROW_HEIGHTS[0]  # rows of a that are multiplied between two looks ahead


@inner
def numbers_to_pack(turned, by_depth, rows, columns, depth, size):
    """How many numbers are packed at once; 0 if b is read where it is, and a too."""
    if not turned and (rows <= FEW_ROWS or depth * columns * size <= NEAR):
        return 0
    deep, height = _block(by_depth, True, rows, columns, depth, size)
    of_a = _gathered(by_depth, deep, height, size) if _gathers(True, rows, columns, depth, size) else 0
    return deep * (columns + ZEROS) + of_a


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
    size, lanes = itemsize(c), 64 // itemsize(c)
    deep, height = _block(by_depth, packs, rows, columns, depth, size)
    most, gathers = (PACKED if packs else PANEL) * lanes, _gathers(packs, rows, columns, depth, size)
    x_row, step, panels = a_row, height, packed
    if gathers:
        x_row, step = (height if by_depth else deep) + lanes, TILE
        panels = advance(packed, _gathered(by_depth, deep, height, size))
    for i in range(deep if by_depth else height):
        table[i] = i * x_row
    for j in range(PANEL * lanes):
        init[j] = 0
    for k in range(0, depth, deep):
        count = min(deep, depth - k)
        for i in range(0, rows, height):
            tall = min(height, rows - i)
            x = advance(a, k * a_row + i if by_depth else i * a_row + k)
            if gathers:
                lines, length = (count, tall) if by_depth else (tall, count)
                _pack_rows(x, a_row, lines, length, packed, x_row)
                x = packed
            column = 0
            while column < columns:
                wide = min(most, columns - column)
                if wide > lanes:
                    wide -= wide % lanes  # the columns that fill no vector are the last panel
                w, w_row = advance(b, k * b_row + column * b_column), b_row
                if packs:
                    w_row = (wide + lanes - 1) // lanes * lanes
                    block = advance(panels, column * deep)
                    if i == 0:
                        _pack_panel(w, b_row, b_column, wide, w_row, count, block)
                    w = block
                share = (count * step + tall - 1) // tall  # of the lines of the next panel
                for top in range(0, tall, step):
                    high = min(step, tall - top)
                    place = advance(c, (i + top) * columns + column)
                    if gathers:
                        _fetch_lines(advance(place, 2 * lanes), columns, high)
                        _fetch_lines(advance(w, (deep + top // step * share) * lanes), lanes, share)
                    start, start_row = place, columns
                    if k == 0:
                        start, start_row = advance(bias, column) if biased else init, 0
                    if by_depth:
                        y = advance(x, top)
                        named_sweep("depth", wide, y, table, w, w_row, start, start_row, place, columns, high, count)
                    else:
                        each = advance(table, top)
                        named_sweep("rows", wide, x, each, w, w_row, start, start_row, place, columns, high, count)
                column += wide
    if depth == 0:
        for i in range(rows):
            for j in range(columns):
                c[i * columns + j] = bias[j] if biased else 0


@inner
def _block(by_depth, packs, rows, columns, depth, size):
    """The depth and the height of equal blocks of a, the height in whole tiles, of at most TABLE rows."""
    deep = equal_blocks(depth, min(TABLE, DEEP // size))
    if by_depth and not _gathers(packs, rows, columns, depth, size):
        return deep, max(1, rows)
    blocks = max(1, (rows * deep * size + BLOCK // 2) // BLOCK)
    return deep, max(1, min(rows, TABLE, ((rows + blocks - 1) // blocks + 11) // 12 * 12))


@inner
def _gathers(packs, rows, columns, depth, size):
    """Whether blocks of a are packed, and what comes after a tile is asked for: where all of it is far away."""
    return not WIDE and packs > 0 and columns >= MANY and rows * depth * size > FAR


@inner
def _gathered(by_depth, deep, height, size):
    """The numbers of a packed block of a, whose lines are a vector apart."""
    lines, length = (deep, height) if by_depth else (height, deep)
    return lines * (length + 64 // size)


@inner
def _fetch_lines(base, row, rows):
    """Ask for the first line of each of some rows."""
    for r in range(rows):
        fetch(advance(base, r * row))


@inner
def _pack_rows(a, a_row, rows, length, block, block_row):
    """block = `rows` rows of so many numbers, each padded with zeros to whole vectors."""
    for r in range(rows):
        copy_padded(advance(a, r * a_row), advance(block, r * block_row), length)


@inner
def _pack_panel(b, b_row, b_column, real, width, depth, block):
    """block (depth, width) = the first `real` columns of b side by side, padded with zeros to whole vectors."""
    if b_column == 1:
        _pack_rows(b, b_row, depth, real, block, width)
        return
    for k in range(depth):
        line, source = advance(block, k * width), advance(b, k * b_row)
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
