"""A tile of a matrix product, computed by one block of threads; the factors are matrices in one of the arrays.

The block goes along the depth in slices.  A slice of both factors lies in shared memory, the next one is on its way
from global memory to registers, and each thread keeps a small block of sums in registers.

Every sum belongs to one thread, which adds its products in the order of the depth.  Keep it so: the results then have
the same bits on every run.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from numbann.cuda.threads.batches import ARENA, FROM_WORK, WORK, locate_row
from numbann.cuda.threads.device import SIMULATED, cuda, inlined, inner
from numbann.cuda.threads.tiling import Tile
from numbann.records import dataclass


@dataclass(frozen=True)
class Factor:
    """A matrix in one of the arrays.

    along: its rows run along the depth of the product.  source: where its rows lie, see batches.py.  ones: a column of
    ones follows its last column.
    """

    array: int
    along: bool
    source: int = FROM_WORK
    ones: bool = False


@functools.cache
def _make_fetch(factor: Factor, dtype: str, length: int, depth: int, threads: int) -> tuple[Any, Any, Any, Any]:
    """Make the device functions that move a thread's share of a factor's slices, each of length x depth elements.

    They are: find the share in global memory; load the first rows of a slice to registers; load a full slice; store the
    registers to shared memory.
    """
    # Beyond the edge of the product the last row or column is read again.  That address is valid, so the loop needs no
    # branch, and `emit_sums` leaves out what comes of it.
    number = np.dtype(dtype).type
    zero, one = number(0), number(1)
    count, along, ones, array = length * depth // threads, factor.along, factor.ones, factor.array
    # steady: an element's address moves by a constant from slice to slice.  Otherwise the depth goes over rows in the
    # epoch's order, and each row must be looked up.
    row, steady = locate_row(factor.source), factor.along or factor.source == FROM_WORK

    @inner
    def place(e):
        """The place (k, m) of a thread's element e; neighbouring threads read neighbours in global memory."""
        element = cuda.threadIdx.x + e * threads
        if along:
            return element % depth, element // depth
        return element // length, element % length

    # Addresses are worked out once, before the loop: inside it each one costs an addition.  They are unsigned, because
    # numba takes a signed index for one that may count from the end, and tests its sign.
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
                registers[e] = zero  # for rows that the first slice lacks: they add 0, and the loop keeps its length
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
    """Make the device function that sets a thread's sums to 0."""
    number, down, across = np.dtype(dtype).type, tile.down, tile.across

    @inner
    def begin(arena, places, outputs, sums):
        for i in range(down):
            for j in range(across):
                sums[i, j] = number(0)

    return begin


@functools.cache
def add_product(dtype: str, tile: Tile, left: Factor, right: Factor) -> Any:
    """Make the device function that adds a tile of left right to its threads' sums, an array (down, across) for each.

    Its arguments: left, right: where each factor begins, and the length of its rows; size: rows, columns and depth of
    the product; start: the place of the first row in the epoch's order.
    """
    number, threads = np.dtype(dtype).type, tile.threads
    rows, columns, depth = tile.rows, tile.columns, tile.depth
    lefts, rights = rows * depth // threads, columns * depth // threads
    alignment = None if SIMULATED else 16  # bytes: the four float32 of a vector are one read
    # Padding against bank conflicts: where a factor's rows run along the depth, neighbouring threads store to
    # neighbouring k.  Unpadded, these meet in the same banks, and the stores go one after the other.  A padding of
    # `vector` elements spreads them, and each row still begins where a vector may begin.
    left_width, right_width = rows + tile.vector, columns + tile.vector
    find_left, first_left, fetch_left, store_left = _make_fetch(left, dtype, rows, depth, threads)
    find_right, first_right, fetch_right, store_right = _make_fetch(right, dtype, columns, depth, threads)
    multiply_slice = _repeat(_add_outer_product(dtype, tile), depth)

    @inner
    def add_up(arena, work, data, ints, start, left, right, size, sums):
        # Two buffers: a thread writes the next slice to one while others still read the other.  So the block waits
        # once a slice; with one buffer it would have to wait before writing, too.
        left_tiles = cuda.shared.array((2, depth, left_width), number, alignment=alignment)
        right_tiles = cuda.shared.array((2, depth, right_width), number, alignment=alignment)
        lefts_next, rights_next = cuda.local.array(lefts, number), cuda.local.array(rights, number)
        lefts_at, rights_at = cuda.local.array(lefts, np.uint64), cuda.local.array(rights, np.uint64)
        m_end, n_end, k_end = size
        m_start, n_start = cuda.blockIdx.x * rows, cuda.blockIdx.y * columns
        # The first slice is the one that may be short; all others are full, and the loop tests no bounds of the depth.
        k_next, buffer = (k_end - 1) % depth + 1, 0
        if k_end == 0:  # beyond the end of a smaller batch; all threads return here, so none waits at a barrier
            return
        find_left(ints, start, left, m_start, m_end, lefts_at)
        find_right(ints, start, right, n_start, n_end, rights_at)
        first_left(arena, work, data, ints, start, left, m_start, 0, k_next, lefts_at, lefts_next)
        first_right(arena, work, data, ints, start, right, n_start, 0, k_next, rights_at, rights_next)
        store_left(lefts_next, left_tiles, 0)
        store_right(rights_next, right_tiles, 0)
        cuda.syncthreads()
        while k_next < k_end:
            # The loads come first and the stores last: the multiplications between them hide the memory's latency.
            fetch_left(arena, work, data, ints, start, left, m_start, k_next, depth, lefts_at, lefts_next)
            fetch_right(arena, work, data, ints, start, right, n_start, k_next, depth, rights_at, rights_next)
            multiply_slice(left_tiles[buffer], right_tiles[buffer], 0, sums)
            buffer = 1 - buffer
            store_left(lefts_next, left_tiles, buffer)
            store_right(rights_next, right_tiles, buffer)
            cuda.syncthreads()  # the next slice is complete, and nobody reads the one before it any more
            k_next += depth
        multiply_slice(left_tiles[buffer], right_tiles[buffer], 0, sums)

    return add_up


@functools.cache
def locate_sums(tile: Tile) -> tuple[Any, Any]:
    """Make the device functions that give the row and the column, in the product, of a thread's sum [i, j].

    A thread has its rows and columns in groups of `vector`, and a group of each thread side by side: the vectors that
    neighbouring threads read from shared memory are then neighbours, too, and no two of them meet in a bank.
    """
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
    """Make the device function that calls `finish` for each of a thread's sums, with its row and its column.

    Rows and columns beyond the edge of the product are left out.
    """
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
    """Make the device function that adds, for one k, the left slice's column times the right slice's row to the sums.

    The elements are read as vectors, to registers, before any of them is multiplied: each is used `across` or `down`
    times.
    """
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
    """Make the device function that calls another for k, k + 1, ..., count times; count: a power of two.

    It calls by halves and each call is inlined, so the result is straight code.  The compiler leaves a loop a loop, and
    could not read the elements of the next k while it multiplies.
    """
    if count == 1:
        return once
    half, before = count // 2, _repeat(once, count // 2)

    @inlined
    def repeat(left_tile, right_tile, k, sums):
        before(left_tile, right_tile, k, sums)
        before(left_tile, right_tile, k + half, sums)

    return repeat
