"""Dropout and the residual connection as kernels: what stands between a layer's activation a and the next layer.

y = a, or its replacement where the random number of row and column says so; a residual connection adds the layer's
inputs.
"""

from __future__ import annotations

import numpy as np
from numba import carray

from numbann.simd.dense import block, inputs, offsets
from numbann.simd.jit import inner
from numbann.simd.machine import prefer_wide
from numbann.simd.noise import noise, row_key
from numbann.simd.op import INDEX, START
from numbann.simd.pointer import advance, view
from numbann.simd.sizes import DROPPED, NOTHING, RATE, SCALE, SHIFT

DRAWS = 1 << 24  # the number of values that a draw can have


@inner
def key_of(op, step, r):
    """The key of a row's random numbers, from the row's place in the epoch's order."""
    return row_key(op.KEYS[op.KEY], step[START] + r)


def drop(op, first, last, step, scratch):
    """y = scale a + shift, or `dropped` with probability `rate`."""
    prefer_wide()
    row, end, column, width = block(op, first, last, step, scratch)
    numbers = advance(op.PARAMETERS, step[INDEX] * op.PARAMETERS_ROW)
    limit = np.int32(numbers[RATE] * DRAWS)
    scale, shift, dropped = numbers[SCALE], numbers[SHIFT], numbers[DROPPED]
    for r in range(row, end):
        low, high = key_of(op, step, r)
        a = view(op.A, r * op.A_ROW + column, width)
        y = view(op.OUT, r * op.OUT_ROW + column, width)
        for i in range(width):
            y[i] = dropped if noise(low, high, column + i) < limit else scale * a[i] + shift


def drop_backward(op, first, last, step, scratch):
    """da = scale dy, or 0 where a was dropped, in place of dy.

    The same random numbers are drawn again, so no mask is kept.
    """
    prefer_wide()
    row, end, column, width = block(op, first, last, step, scratch)
    numbers = advance(op.PARAMETERS, step[INDEX] * op.PARAMETERS_ROW)
    limit = np.int32(numbers[RATE] * DRAWS)
    scale, nothing = numbers[SCALE], numbers[NOTHING]
    for r in range(row, end):
        low, high = key_of(op, step, r)
        d = view(op.D, r * op.D_ROW + column, width)
        for i in range(width):
            d[i] = nothing if noise(low, high, column + i) < limit else scale * d[i]


def add_inputs(op, first, last, step, scratch):
    """y = a + x, the layer's inputs."""
    prefer_wide()
    row, end, column, width = block(op, first, last, step, scratch)
    real = min(width, op.OUTPUTS - column)
    for r in range(row, end):
        x = carray(advance(inputs(op, step), offsets(op, step)[r] + column), real)
        a = view(op.A, r * op.A_ROW + column, real)
        y = view(op.OUT, r * op.OUT_ROW + column, real)
        for i in range(real):
            y[i] = a[i] + x[i]


def add_more_inputs(op, first, last, step, scratch):
    """y = y + x, the layer's inputs."""
    prefer_wide()
    row, end, column, width = block(op, first, last, step, scratch)
    real = min(width, op.OUTPUTS - column)
    for r in range(row, end):
        x = carray(advance(inputs(op, step), offsets(op, step)[r] + column), real)
        y = view(op.OUT, r * op.OUT_ROW + column, real)
        for i in range(real):
            y[i] += x[i]


def keep(op, first, last, step, scratch):
    """Copy dy for the layer's inputs, before it changes."""
    prefer_wide()
    row, end, column, width = block(op, first, last, step, scratch)
    for r in range(row, end):
        d = view(op.D, r * op.D_ROW + column, width)
        skip = view(op.SKIP, r * op.SKIP_ROW + column, width)
        for i in range(width):
            skip[i] = d[i]
