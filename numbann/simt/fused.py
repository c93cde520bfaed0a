"""The whole network in one CUDA kernel, for narrow layers: forward, loss and the way back, a few rows a block.

A block's rows of a layer's inputs, and later of the d of the layer above, lie in shared memory; weights come through
the caches.  What the gradients are made of is left in work, where `products.gradients` finds it.  Functions of elements
are those of numbann.simt.elements.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from numbann.simt import op
from numbann.simt.device import THREADS, cuda, inner, kernel
from numbann.simt.products import SHUFFLED, batch_rows, row_of

WIDEST = 128  # inputs or units of a layer
ROWS, GROUP = 16, 4  # of a block, and those of them that a thread does together


@functools.cache
def network(forwards: tuple[Any, ...], loss: Any, last: Any, backs: tuple[Any, ...], dtype: str) -> Any:
    """The kernel.  forwards: what each layer's product calls; loss: of rows; last: what the gradient to the outputs
    goes through (None: nothing); backs: what the product of the gradient calls in each layer but the last.
    """
    number = np.dtype(dtype).type
    ahead, back, count = _forward(forwards, dtype), _backward(backs, dtype), len(forwards)
    finish_last, finishes = (_none if last is None else last), last is not None

    @kernel
    def whole(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        tile = cuda.shared.array((ROWS, WIDEST), number)
        rows, first = batch_rows(ints, step), cuda.blockIdx.x * ROWS
        here, thread = min(ROWS, rows - first), cuda.threadIdx.x
        if here <= 0:
            return
        ahead(arena, work, data, ints, step, first, here, tile)
        at = op.HEAD + (count - 1) * op.WIDTH
        loss(work, data, ints, at, step, (first, first + here, rows), thread, THREADS)
        cuda.syncthreads()
        if finishes:
            outputs = ints[at + op.OUTPUTS]
            for i in range(thread, here * outputs, THREADS):
                r, c = first + i // outputs, i % outputs
                value = work[ints[at + op.DY] + r * outputs + c]
                finish_last(arena, work, data, ints, at, step, r, c, value)
            cuda.syncthreads()
        back(arena, work, data, ints, step, first, here, tile)

    return whole


@inner
def _none(arena, work, data, ints, at, step, r, c, value):
    pass


def _forward(finishes: tuple[Any, ...], dtype: str) -> Any:
    """The device function of all layers, one after the other."""
    before = None
    for k, finish in enumerate(finishes):
        before = _then(before, _layer(finish, k, dtype))
    return before


def _backward(finishes: tuple[Any, ...], dtype: str) -> Any:
    """The device function of the way back through all layers but the last, from above."""

    @inner
    def nothing(arena, work, data, ints, step, first, here, tile):
        pass

    after = nothing
    for k in reversed(range(len(finishes))):
        after = _then(after, _layer_back(finishes[k], k, dtype))
    return after


def _then(first: Any, second: Any) -> Any:
    if first is None:
        return second

    @inner
    def both(arena, work, data, ints, step, rows, here, tile):
        first(arena, work, data, ints, step, rows, here, tile)
        second(arena, work, data, ints, step, rows, here, tile)

    return both


def _layer(finish: Any, k: int, dtype: str) -> Any:
    """x w + b of the block's rows; the first layer leaves its rows, which it gathers, in work."""
    zero, row, gathers = np.dtype(dtype).type(0), row_of(SHUFFLED), k == 0
    number, offset = np.dtype(dtype).type, op.HEAD + k * op.WIDTH

    @inner
    def layer(arena, work, data, ints, step, first, here, tile):
        at = offset
        inputs, outputs, start = ints[at + op.INPUTS], ints[at + op.OUTPUTS], step * ints[op.BATCH]
        for i in range(cuda.threadIdx.x, here * inputs, THREADS):
            r, c = i // inputs, i % inputs
            place = ints[at + op.X] + (first + r) * inputs + c
            if gathers:
                work[place] = data[row(ints, start, first + r) * inputs + c]
            tile[r, c] = work[place]
        cuda.syncthreads()
        sums = cuda.local.array(GROUP, number)
        for i in range(cuda.threadIdx.x, ROWS // GROUP * outputs, THREADS):
            group, c = i // outputs * GROUP, i % outputs
            for j in range(GROUP):
                sums[j] = zero
            for m in range(inputs):
                weight = arena[ints[at + op.W] + m * outputs + c]
                for j in range(GROUP):
                    sums[j] += tile[group + j, m] * weight
            bias = arena[ints[at + op.W] + inputs * outputs + c]
            for j in range(GROUP):
                if group + j < here:
                    finish(arena, work, data, ints, at, step, first + group + j, c, sums[j] + bias)
        cuda.syncthreads()

    return layer


def _layer_back(finish: Any, k: int, dtype: str) -> Any:
    """d w' of the layer above, of the block's rows."""
    number, offset = np.dtype(dtype).type, op.HEAD + k * op.WIDTH
    zero = number(0)

    @inner
    def layer(arena, work, data, ints, step, first, here, tile):
        at = offset
        outputs, above = ints[at + op.OUTPUTS], ints[at + op.NEXT_OUTPUTS]
        for i in range(cuda.threadIdx.x, here * above, THREADS):
            tile[i // above, i % above] = work[ints[at + op.NEXT_D] + first * above + i]
        cuda.syncthreads()
        sums = cuda.local.array(GROUP, number)
        for i in range(cuda.threadIdx.x, ROWS // GROUP * outputs, THREADS):
            group, c = i // outputs * GROUP, i % outputs
            for j in range(GROUP):
                sums[j] = zero
            for m in range(above):
                weight = arena[ints[at + op.NEXT_W] + c * above + m]
                for j in range(GROUP):
                    sums[j] += tile[group + j, m] * weight
            for j in range(GROUP):
                if group + j < here:
                    finish(arena, work, data, ints, at, step, first + group + j, c, sums[j])
        cuda.syncthreads()

    return layer
