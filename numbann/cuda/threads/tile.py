"""A tile of a product by one block of threads.  It knows no layer: factors are matrices in one of the arrays.

Slices of both factors go through shared memory, while the next ones are on their way to registers, and a thread keeps a
small block of sums.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from numbann.cuda.threads.batches import ARENA, FROM_WORK, WORK, locate_row
from numbann.cuda.threads.device import SIMULATED, cuda, inlined, inner
from numbann.cuda.threads.tiling import Tile


@dataclass(frozen=True)
class Factor:
    """A matrix of rows in one of the arrays: whether they run along the depth, and whether a column of ones follows."""

    array: int
    along: bool
    source: int = FROM_WORK
    ones: bool = False


@functools.cache
def _make_fetch(factor: Factor, dtype: str, length: int, depth: int, threads: int) -> tuple[Any, Any, Any, Any]:
    """Device functions of a thread's share of the slices of a factor, length x depth: where it lies; from there to
    registers, the first rows of a slice or all of them; and from registers to shared memory.

    Beyond the edge of the product the last row or column is read again: nothing becomes of what it gives.
    """
    number = np.dtype(dtype).type
    zero, one = number(0), number(1)
    count, along, ones, array = length * depth // threads, factor.along, factor.ones, factor.array
    row, steady = locate_row(factor.source), factor.along or factor.source == FROM_WORK

    @inner
    def place(e):
        """The place (k, m) of an element, so that neighbours lie side by side in the factor's rows."""
        element = cuda.threadIdx.x + e * threads
        if along:
            return element % depth, element // depth
        return element // length, element % length

    @inner
    def find(ints, start, factor, m_start, m_end, offsets):
        for e in range(count):
            k, m = place(e)
            m = min(m + m_start, m_end - 1)
            if along:
                offsets[e] = np.uint64(factor[0] + row(ints, start, m) * factor[1] + k)
            else:
                column = min(m, factor[1] - 1) if ones else m
                offsets[e] = np.uint64(factor[0] + (row(ints, start, k) * factor[1] if steady else 0) + column)

    @inner
    def element(arena, work, data, ints, start, factor, k, m, offset):
        if ones and m == factor[1]:
            return one
        at = offset if steady else offset + np.uint64(row(ints, start, k) * factor[1])
        return arena[at] if array == ARENA else (work[at] if array == WORK else data[at])

    def fetch(whole):
        @inner
        def fetch_slice(arena, work, data, ints, start, factor, m_start, k_start, here, offsets, registers):
            for e in range(count):
                k, m = place(e)
                registers[e] = zero
                if whole or k < here:
                    registers[e] = element(arena, work, data, ints, start, factor, k + k_start, m + m_start, offsets[e])
                if steady:
                    offsets[e] += np.uint64(here if along else here * factor[1])

        return fetch_slice

    @inner
    def store(registers, shared, buffer):
        for e in range(count):
            k, m = place(e)
            shared[buffer, k, m] = registers[e]

    return find, fetch(False), fetch(True), store


@functools.cache
def clear(dtype: str, tile: Tile) -> Any:
    """The device function that lets a thread's sums begin at 0."""
    number, down, across = np.dtype(dtype).type, tile.down, tile.across

    @inner
    def begin(arena, places, outputs, sums):
        for i in range(down):
            for j in range(across):
                sums[i, j] = number(0)

    return begin


@functools.cache
def add_product(dtype: str, tile: Tile, left: Factor, right: Factor) -> Any:
    """The device function that adds a tile's product to the sums of its threads, an array (down, across) of each.

    left, right: where each factor begins, and the length of its rows; size: rows, columns and depth of the product;
    start: the place of the first row in the epoch's order.

    The first slice is the one that may be short.  While a slice is multiplied the next one is on its way to registers;
    from there it goes to the other one of two buffers, so that the threads wait for each other once a slice.
    """
    number, threads = np.dtype(dtype).type, tile.threads
    rows, columns, depth = tile.rows, tile.columns, tile.depth
    lefts, rights = rows * depth // threads, columns * depth // threads
    alignment = None if SIMULATED else 16
    left_width, right_width = rows + tile.vector, columns + tile.vector
    find_left, first_left, fetch_left, store_left = _make_fetch(left, dtype, rows, depth, threads)
    find_right, first_right, fetch_right, store_right = _make_fetch(right, dtype, columns, depth, threads)
    multiply_slice = _repeat(_add_outer_product(dtype, tile), depth)

    @inner
    def add_up(arena, work, data, ints, start, left, right, size, sums):
        left_tiles = cuda.shared.array((2, depth, left_width), number, alignment=alignment)
        right_tiles = cuda.shared.array((2, depth, right_width), number, alignment=alignment)
        lefts_next, rights_next = cuda.local.array(lefts, number), cuda.local.array(rights, number)
        lefts_at, rights_at = cuda.local.array(lefts, np.uint64), cuda.local.array(rights, np.uint64)
        m_end, n_end, k_end = size
        m_start, n_start = cuda.blockIdx.x * rows, cuda.blockIdx.y * columns
        k_next, buffer = (k_end - 1) % depth + 1, 0
        if k_end == 0:  # a slice beyond the end of a smaller batch
            return
        find_left(ints, start, left, m_start, m_end, lefts_at)
        find_right(ints, start, right, n_start, n_end, rights_at)
        first_left(arena, work, data, ints, start, left, m_start, 0, k_next, lefts_at, lefts_next)
        first_right(arena, work, data, ints, start, right, n_start, 0, k_next, rights_at, rights_next)
        store_left(lefts_next, left_tiles, 0)
        store_right(rights_next, right_tiles, 0)
        cuda.syncthreads()
        while k_next < k_end:
            fetch_left(arena, work, data, ints, start, left, m_start, k_next, depth, lefts_at, lefts_next)
            fetch_right(arena, work, data, ints, start, right, n_start, k_next, depth, rights_at, rights_next)
            multiply_slice(left_tiles[buffer], right_tiles[buffer], 0, sums)
            buffer = 1 - buffer
            store_left(lefts_next, left_tiles, buffer)
            store_right(rights_next, right_tiles, buffer)
            cuda.syncthreads()
            k_next += depth
        multiply_slice(left_tiles[buffer], right_tiles[buffer], 0, sums)

    return add_up


@functools.cache
def locate_sums(tile: Tile) -> tuple[Any, Any]:
    """The device functions of the row and of the column in the product of a thread's sums [i, j]."""
    rows, columns, down, across, vector = tile.rows, tile.columns, tile.down, tile.across, tile.vector
    shift, mask = tile.shift, (1 << tile.shift) - 1
    left_stride, right_stride = rows // down * vector, columns // across * vector

    @inner
    def row_at(i):
        return cuda.blockIdx.x * rows + i // vector * left_stride + (cuda.threadIdx.x >> shift) * vector + i % vector

    @inner
    def column_at(j):
        return cuda.blockIdx.y * columns + j // vector * right_stride + (cuda.threadIdx.x & mask) * vector + j % vector

    return row_at, column_at


@functools.cache
def emit_sums(tile: Tile, finish: Any) -> Any:
    """The device function that calls another for each of a thread's sums, with its row and its column."""
    down, across = tile.down, tile.across
    row_at, column_at = locate_sums(tile)

    @inner
    def finish_all(arena, work, data, ints, places, step, size, sums):
        for i in range(down):
            for j in range(across):
                m, n = row_at(i), column_at(j)
                if m < size[0] and n < size[1]:
                    finish(arena, work, data, ints, places, step, m, n, sums[i, j])

    return finish_all


@functools.cache
def _add_outer_product(dtype: str, tile: Tile) -> Any:
    """The device function that adds a column of the left slice by a row of the right one to a thread's sums."""
    number, down, across, vector = np.dtype(dtype).type, tile.down, tile.across, tile.vector
    shift, mask = tile.shift, (1 << tile.shift) - 1
    left_stride, right_stride = tile.rows // down * vector, tile.columns // across * vector

    @inlined
    def outer(left_tile, right_tile, k, sums):
        x, y = cuda.local.array(down, number), cuda.local.array(across, number)
        over, under = cuda.threadIdx.x & mask, cuda.threadIdx.x >> shift
        for i in range(down):
            x[i] = left_tile[k, i // vector * left_stride + under * vector + i % vector]
        for j in range(across):
            y[j] = right_tile[k, j // vector * right_stride + over * vector + j % vector]
        for i in range(down):
            for j in range(across):
                sums[i, j] += x[i] * y[j]

    return outer


def _repeat(once: Any, count: int) -> Any:
    """The device function that calls another for k, k + 1, ...: without a loop, which would be left as one."""
    if count == 1:
        return once
    half, before = count // 2, _repeat(once, count // 2)

    @inlined
    def repeat(left_tile, right_tile, k, sums):
        before(left_tile, right_tile, k, sums)
        before(left_tile, right_tile, k + half, sums)

    return repeat
