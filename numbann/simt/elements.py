"""What stands before and after a layer's products, element by element: activation, dropout, residual connection.

These make device functions (arena, work, data, ints, at, step, r, c, value), at: where the layer's row of ints begins,
of what a product calls for each of its elements; `over_elements` is a kernel that calls one for the elements of a
buffer.  Activations come as device functions (numbann.compile.cuda); the formulas of dropout are in numbann.plan.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from numbann.simt import lanes, op
from numbann.simt.device import cuda, inner, kernel
from numbann.simt.noise import noise, row_key
from numbann.simt.products import FROM_WORK, batch_rows, row_of

SCALE, SHIFT, DROPPED = 0, 1, 2  # of the numbers of dropout
ACTIVATION, DROPOUT = 0, 1  # purposes of a layer's keys
SHARE_OF_ONE = 2.0**-24  # a draw is one of 2^24 integers


@functools.cache
def store(column: int) -> Any:
    """Keep the value in the buffer that a column of the layer's row names."""

    @inner
    def stored(arena, work, data, ints, at, step, r, c, value):
        work[ints[at + column] + r * ints[at + op.OUTPUTS] + c] = value

    return stored


@inner
def nothing(arena, work, data, ints, at, step, r, c, value):
    """The value as it is."""
    return value


@functools.cache
def both(first: Any, then: Any) -> Any:
    """What `then` makes of what `first` makes of the value."""
    if first is nothing or then is nothing:
        return then if first is nothing else first

    @inner
    def joined(arena, work, data, ints, at, step, r, c, value):
        made = first(arena, work, data, ints, at, step, r, c, value)
        return then(arena, work, data, ints, at, step, r, c, made)

    return joined


def chain(*parts: Any) -> Any:
    """One after the other."""
    return functools.reduce(both, parts, nothing)


@functools.cache
def kept(column: int) -> Any:
    """The value, which is also kept in a buffer."""
    keep = store(column)

    @inner
    def value_kept(arena, work, data, ints, at, step, r, c, value):
        keep(arena, work, data, ints, at, step, r, c, value)
        return value

    return value_kept


@inner
def add_bias(arena, work, data, ints, at, step, r, c, value):
    """h = x w + b, of a product that has no bias."""
    return value + arena[ints[at + op.W] + ints[at + op.INPUTS] * ints[at + op.OUTPUTS] + c]


@inner
def draw(ints, at, purpose, step, r, c):
    """24 random bits of an element for one of the layer's purposes."""
    low, high = row_key(ints[ints[op.KEYS] + ints[at + op.KEY] + purpose], step * ints[op.BATCH] + r)
    return noise(low, high, c)


@functools.cache
def uniform(dtype: str, noisy: bool) -> Any:
    """The noise of an activation in [0, 1); 1/2 where there is none."""
    number = np.dtype(dtype).type
    share, half = number(SHARE_OF_ONE), number(0.5)

    @inner
    def drawn(ints, at, step, r, c):
        return number(draw(ints, at, ACTIVATION, step, r, c)) * share

    @inner
    def even(ints, at, step, r, c):
        return half

    return drawn if noisy else even


@functools.cache
def activate(value: Any, dtype: str, vectors: int, noisy: bool) -> Any:
    """a = f(z)."""
    random, shape, number = uniform(dtype, noisy), (max(vectors, 1), 1), np.dtype(dtype).type

    @inner
    def activated(arena, work, data, ints, at, step, r, c, z):
        numbers = cuda.local.array(shape, number)
        for k in range(vectors):
            numbers[k, 0] = arena[ints[at + op.VECTORS] + k * ints[at + op.OUTPUTS] + c]
        return value(z, random(ints, at, step, r, c), work[ints[at + op.PARAMETERS] :], numbers, 0)

    return activated


@functools.cache
def drop(dtype: str) -> Any:
    """y = scale a + shift, or `dropped` with probability `rate`."""

    @inner
    def dropped(arena, work, data, ints, at, step, r, c, a):
        numbers = ints[at + op.DROPOUT]
        if draw(ints, at, DROPOUT, step, r, c) < ints[at + op.LIMIT]:
            return work[numbers + DROPPED]
        return work[numbers + SCALE] * a + work[numbers + SHIFT]

    return dropped


@functools.cache
def add_inputs(source: int) -> Any:
    """y = a + x, the layer's inputs."""
    row, from_work = row_of(source), source == FROM_WORK

    @inner
    def added(arena, work, data, ints, at, step, r, c, a):
        place = ints[at + op.X] + row(ints, step * ints[op.BATCH], r) * ints[at + op.INPUTS] + c
        return a + (work[place] if from_work else data[place])

    return added


# ---- the way back


@inner
def add_skipped(arena, work, data, ints, at, step, r, c, d):
    """The gradient, and what a residual connection has taken past the layer above."""
    return d + work[ints[at + op.NEXT_SKIP] + r * ints[at + op.OUTPUTS] + c]


@functools.cache
def drop_back(dtype: str) -> Any:
    """da = scale dy, or 0 where a was dropped."""
    zero = np.dtype(dtype).type(0)

    @inner
    def back(arena, work, data, ints, at, step, r, c, d):
        if draw(ints, at, DROPOUT, step, r, c) < ints[at + op.LIMIT]:
            return zero
        return work[ints[at + op.DROPOUT] + SCALE] * d

    return back


@functools.cache
def slope_back(slope: Any, slopes: tuple[Any, ...], dtype: str, noisy: bool) -> Any:
    """dz = da f'(z), after the gradients to what is trained in f, a = f(z) and z from their buffers."""
    random, vectors, number = uniform(dtype, noisy), len(slopes), np.dtype(dtype).type
    shape = (max(vectors, 1), 1)
    keep = _keep_slopes(slopes)

    @inner
    def back(arena, work, data, ints, at, step, r, c, d):
        place, own = r * ints[at + op.OUTPUTS] + c, work[ints[at + op.PARAMETERS] :]
        z, a = work[ints[at + op.Z] + place], work[ints[at + op.A] + place]
        u, numbers = random(ints, at, step, r, c), cuda.local.array(shape, number)
        for k in range(vectors):
            numbers[k, 0] = arena[ints[at + op.VECTORS] + k * ints[at + op.OUTPUTS] + c]
        keep(work, ints, at, place, d, z, a, u, own, numbers)
        return d * slope(z, a, u, own, numbers, 0)

    return back


def _keep_slopes(slopes: tuple[Any, ...]) -> Any:
    """The device function that stores an element's gradients to what is trained in its activation."""

    @inner
    def keep(work, ints, at, place, d, z, a, u, own, numbers):
        pass

    for k, slope in enumerate(slopes):
        keep = _keep_slope(keep, k, slope)
    return keep


def _keep_slope(before: Any, k: int, slope: Any) -> Any:
    @inner
    def keep(work, ints, at, place, d, z, a, u, own, numbers):
        before(work, ints, at, place, d, z, a, u, own, numbers)
        where = ints[at + op.SLOPES] + k * ints[at + op.SLOPES_STRIDE] + place
        work[where] = d * slope(z, a, u, own, numbers, 0)

    return keep


# ---- kernels


@functools.cache
def gather(source: int) -> Any:
    """The kernel that copies a batch's rows of data to the layer's inputs in work, a block a row."""
    row = row_of(source)

    @kernel
    def gathered(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        at, r = op.HEAD + layer * op.WIDTH, cuda.blockIdx.x
        if r >= batch_rows(ints, step):
            return
        inputs = ints[at + op.INPUTS]
        start, place = row(ints, step * ints[op.BATCH], r) * inputs, ints[at + op.X] + r * inputs
        for c in range(cuda.threadIdx.x, inputs, cuda.blockDim.x):
            work[place + c] = data[start + c]

    return gathered


@functools.cache
def over_elements(column: int, finish: Any) -> Any:
    """The kernel that calls `finish` for the elements of the buffer that a column names, a thread for each column."""

    @kernel
    def elements(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        at = op.HEAD + layer * op.WIDTH
        outputs, c = ints[at + op.OUTPUTS], cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
        if c < outputs:
            for r in range(cuda.blockIdx.x, batch_rows(ints, step), cuda.gridDim.x):
                value = work[ints[at + column] + r * outputs + c]
                finish(arena, work, data, ints, at, step, r, c, value)

    return elements


@functools.cache
def over_rows(value: Any) -> Any:
    """The kernel of an activation of whole rows, a = f(z), a warp a row."""

    @kernel
    def rows(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        at = op.HEAD + layer * op.WIDTH
        outputs, own = ints[at + op.OUTPUTS], work[ints[at + op.PARAMETERS] :]
        for r in range(cuda.grid(1) >> lanes.SHIFT, batch_rows(ints, step), cuda.gridsize(1) >> lanes.SHIFT):
            z, a = ints[at + op.Z] + r * outputs, ints[at + op.A] + r * outputs
            value(work[z : z + outputs], work[a : a + outputs], own)

    return rows


@functools.cache
def back_over_rows(slope: Any) -> Any:
    """The kernel of the way back through an activation of whole rows, dz from da."""

    @kernel
    def rows(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        at = op.HEAD + layer * op.WIDTH
        outputs, own = ints[at + op.OUTPUTS], work[ints[at + op.PARAMETERS] :]
        for r in range(cuda.grid(1) >> lanes.SHIFT, batch_rows(ints, step), cuda.gridsize(1) >> lanes.SHIFT):
            z, a = ints[at + op.Z] + r * outputs, ints[at + op.A] + r * outputs
            da, dz = ints[at + op.DY] + r * outputs, ints[at + op.D] + r * outputs
            row_z, row_a = work[z : z + outputs], work[a : a + outputs]
            slope(row_z, row_a, work[da : da + outputs], work[dz : dz + outputs], own)

    return rows
