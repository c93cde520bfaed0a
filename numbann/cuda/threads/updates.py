"""The use of a gradient in CUDA kernels: the optimizer moves the weights at once, or after clipping by the whole norm.

`move` is a component's device function (arrays, i, gradient, hyper) of numbann.cuda.compile; arrays are the weights,
the stored states and, if the plan has one, the average of the weights, one after the other in the arena.  `take` is a
device function (arena, work, ints, step, place, gradient): `move_weight` or `store_gradient`.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from numbann.cuda.threads import op
from numbann.cuda.threads.batches import batch_rows
from numbann.cuda.threads.device import SIMULATED, THREADS, cuda, inner, kernel
from numbann.cuda.threads.mathematics import math
from numbann.cuda.threads.tile import locate_sums
from numbann.cuda.threads.tiling import Tile
from numbann.records import dataclass

# Elements of a gradient whose squares a block of threads sums.  A constant, and not a share of the GPU's blocks: so the
# order of the sums, and the bits of the norm, are the same on every GPU.
BLOCK = 1024
EPSILON = 1e-6  # added to the norm before dividing by it, as in PyTorch


@functools.cache
def split_arena(count: int) -> Any:
    """Make the device function that splits the arena, or a thread's copy of some of it, into a tuple of its parts.

    It builds on the one for a part less: numba knows the length of a tuple when it compiles, and no loop makes one.
    """

    @inner
    def one(arena, stride):
        return (arena,)

    return one if count == 1 else _split_more(split_arena(count - 1), count - 1)


def _split_more(fewer: Any, place: int) -> Any:
    @inner
    def more(arena, stride):
        return (*fewer(arena, stride), arena[place * stride :])

    return more


@functools.cache
def move_weight(move: Any, count: int) -> Any:
    """Make the device function that moves the weight at a place of the arena by its gradient."""
    arrays = split_arena(count)

    @inner
    def move_all(arena, work, ints, step, place, gradient):
        hyper = work[ints[op.HYPER] + step * ints[op.HYPER_ROW] :]
        move(arrays(arena, ints[op.STRIDE]), place, gradient, hyper)

    return move_all


@inner
def store_gradient(arena, work, ints, step, place, gradient):
    """Store the gradient; stands in for `move_weight`."""
    work[ints[op.GRADIENT] + place] = gradient


@functools.cache
def update_weights(take: Any) -> Any:
    """Make the `finish` of a gradient's product: it hands row m, column n of the gradient to w and b to `take`."""

    @inner
    def take_gradient(arena, work, data, ints, places, step, m, n, gradient):
        take(arena, work, ints, step, places[op.W] + m * places[op.OUTPUTS] + n, gradient)

    return take_gradient


@dataclass(frozen=True)
class RowUpdate:
    """The optimizer's step on a thread's weights of a tile, one row of them at a time.

    count: parts of the arena; numbers: length of a step's row of hyper.
    """

    move: Any
    count: int
    numbers: int
    dtype: str

    def for_tile(self, tile: Tile) -> Any:
        """The device function; it has the arguments of the one that `emit_sums` of tile.py makes."""
        return _update_rows(self, tile)


@functools.cache
def _update_rows(which: RowUpdate, tile: Tile) -> Any:
    move, count, numbers, down, across = which.move, which.count, which.numbers, tile.down, tile.across
    number, arrays, (row_at, column_at) = np.dtype(which.dtype).type, split_arena(count), locate_sums(tile)
    size_held = count * across

    @inner
    def move_all(arena, work, data, ints, places, step, size, sums):
        hyper, held = cuda.local.array(numbers, number), cuda.local.array(size_held, number)
        stride = ints[op.STRIDE]
        for k in range(numbers):
            hyper[k] = work[ints[op.HYPER] + step * ints[op.HYPER_ROW] + k]
        # The whole row is read before any of it is written.  The compiler cannot tell that weights do not overlap, so
        # weight by weight each read would wait for the write before it.
        for i in range(down):
            m = row_at(i)
            first = places[op.W] + m * size[1]
            for j in range(across):
                if m < size[0] and column_at(j) < size[1]:
                    for k in range(count):
                        held[k * across + j] = arena[first + column_at(j) + k * stride]
            for j in range(across):
                move(arrays(held, across), j, sums[i, j], hyper)
            for j in range(across):
                if m < size[0] and column_at(j) < size[1]:
                    for k in range(count):
                        arena[first + column_at(j) + k * stride] = held[k * across + j]

    return move_all


SUM_COLUMNS = 2 if SIMULATED else 8  # columns that a block sums; 8 float32 side by side are a sector, read at once
SUM_THREADS = THREADS // SUM_COLUMNS  # threads of a column


@functools.cache
def sum_column(dtype: str) -> Any:
    """Make the device function that sums a column of (rows, width) numbers; it gives the sum and the column.

    The order is fixed: each thread adds every SUM_THREADS-th row, then these sums are added in the threads' order.
    """
    zero, number = np.dtype(dtype).type(0), np.dtype(dtype).type

    @inner
    def summed(numbers, start, rows, width):
        shared = cuda.shared.array((SUM_THREADS, SUM_COLUMNS), number)
        across, down = cuda.threadIdx.x % SUM_COLUMNS, cuda.threadIdx.x // SUM_COLUMNS
        column, total = cuda.blockIdx.x * SUM_COLUMNS + across, zero
        if column < width:
            for r in range(down, rows, SUM_THREADS):
                total += numbers[start + r * width + column]
        shared[down, across] = total
        cuda.syncthreads()
        total = zero
        for k in range(SUM_THREADS):
            total += shared[k, across]
        return total, column

    return summed


@functools.cache
def update_biases(take: Any, dtype: str) -> Any:
    """Make the kernel that sums the rows of d, the gradient to b; products by cuBLAS give the gradient to w alone."""
    summed = sum_column(dtype)

    @kernel
    def biases(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        places = ints[op.HEAD + layer * op.WIDTH :]
        outputs, b = places[op.OUTPUTS], places[op.W] + places[op.INPUTS] * places[op.OUTPUTS]
        total, column = summed(work, places[op.D], batch_rows(ints, step), outputs)
        if cuda.threadIdx.x < SUM_COLUMNS and column < outputs:
            take(arena, work, ints, step, b + column, total)

    return biases


@functools.cache
def update_vectors(take: Any, dtype: str) -> Any:
    """Make the kernel that sums the rows' gradients to trained vectors; the grid's second dimension counts vectors."""
    summed = sum_column(dtype)

    @kernel
    def vectors(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        places, vector = ints[op.HEAD + layer * op.WIDTH :], cuda.blockIdx.y
        outputs, slopes = places[op.OUTPUTS], places[op.NORM_SLOPES] + vector * places[op.SLOPES_STRIDE]
        total, column = summed(work, slopes, batch_rows(ints, step), outputs)
        if cuda.threadIdx.x < SUM_COLUMNS and column < outputs:
            take(arena, work, ints, step, places[op.NORM_VECTORS] + vector * outputs + column, total)

    return vectors


# ---- whole gradients


@functools.cache
def sum_block(dtype: str) -> Any:
    """Make the device function that sums one number of each thread of a block, in a fixed tree; all threads get it."""
    number = np.dtype(dtype).type

    @inner
    def summed(value):
        shared = cuda.shared.array(THREADS, number)
        thread = cuda.threadIdx.x
        cuda.syncthreads()  # a thread may still read the result of the call before, which lies in the same array
        shared[thread] = value
        half = THREADS // 2
        while half > 0:
            cuda.syncthreads()
            if thread < half:
                shared[thread] += shared[thread + half]
            half //= 2
        cuda.syncthreads()
        return shared[0]

    return summed


@functools.cache
def sum_squares(dtype: str) -> Any:
    """Make the kernel that sums the squares of each BLOCK elements of the stored gradient."""
    zero, summed = np.dtype(dtype).type(0), sum_block(dtype)

    @kernel
    def squares(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        total, end = zero, min(ints[op.LENGTH], (cuda.blockIdx.x + 1) * BLOCK)
        for i in range(cuda.blockIdx.x * BLOCK + cuda.threadIdx.x, end, THREADS):
            g = work[ints[op.GRADIENT] + i]
            total += g * g
        total = summed(total)
        if cuda.threadIdx.x == 0:
            work[ints[op.SQUARES] + cuda.blockIdx.x] = total

    return squares


@functools.cache
def compute_clip_factor(dtype: str, column: int) -> Any:
    """Make the kernel, of one block, of min(1, clip_norm / (norm + EPSILON)); column: that of clip_norm in hyper."""
    number = np.dtype(dtype).type
    zero, one, small, summed = number(0), number(1), number(EPSILON), sum_block(dtype)

    @kernel
    def factor(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        total, count = zero, (ints[op.LENGTH] + BLOCK - 1) // BLOCK
        for i in range(cuda.threadIdx.x, count, THREADS):
            total += work[ints[op.SQUARES] + i]
        total = summed(total)
        if cuda.threadIdx.x == 0:
            largest = work[ints[op.HYPER] + step * ints[op.HYPER_ROW] + column]
            found = largest / (math.sqrt(total) + small)
            work[ints[op.FACTOR]] = one if found > one else found

    return factor


@functools.cache
def update_scaled(take: Any) -> Any:
    """Make the kernel that moves all weights by the stored gradient times the factor of `compute_clip_factor`."""

    @kernel
    def move_all(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        factor = work[ints[op.FACTOR]]
        for i in range(cuda.grid(1), ints[op.LENGTH], cuda.gridsize(1)):
            take(arena, work, ints, step, i, factor * work[ints[op.GRADIENT] + i])

    return move_all
