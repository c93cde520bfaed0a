"""The steps between a layer's products, element by element: activation, dropout, residual connection, and back.

Each function makes a device function (arena, work, data, ints, places, step, r, c, value) -> value, which a product
calls for each of its elements (r, c) before it ends; places: the layer's row of ints.  `run_over_elements` makes a
kernel that calls one for the elements of a buffer, for a step that follows no product.

Activations are device functions of numbann.cuda.compile.components; dropout's are in numbann.network.steps.drop.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from numbann.cuda.threads import lanes, op
from numbann.cuda.threads.batches import FROM_WORK, SHUFFLED, batch_rows, locate_row
from numbann.cuda.threads.device import cuda, inner, kernel
from numbann.cuda.threads.noise import noise, row_key

SCALE, SHIFT, DROPPED = 0, 1, 2  # places of dropout's numbers
ACTIVATION, DROPOUT = 0, 1  # purposes of a layer's keys
SHARE_OF_ONE = 2.0**-24  # a draw is one of 2^24 integers


@functools.cache
def store(column: int) -> Any:
    """Store the value in the buffer that a column of the layer's row names; the last function of a chain."""

    @inner
    def store_value(arena, work, data, ints, places, step, r, c, value):
        work[places[column] + r * places[op.OUTPUTS] + c] = value

    return store_value


@inner
def identity(arena, work, data, ints, places, step, r, c, value):
    """Return the value."""
    return value


@functools.cache
def pipe_pair(first: Any, then: Any) -> Any:
    """Compose two: `then` takes what `first` returns."""
    if first is identity or then is identity:
        return then if first is identity else first

    @inner
    def piped(arena, work, data, ints, places, step, r, c, value):
        made = first(arena, work, data, ints, places, step, r, c, value)
        return then(arena, work, data, ints, places, step, r, c, made)

    return piped


def pipe(*parts: Any) -> Any:
    """Compose any number of device functions, applied from left to right."""
    return functools.reduce(pipe_pair, parts, identity)


@functools.cache
def keep(column: int) -> Any:
    """Store the value in a buffer and pass it on."""
    keep = store(column)

    @inner
    def store_value(arena, work, data, ints, places, step, r, c, value):
        keep(arena, work, data, ints, places, step, r, c, value)
        return value

    return store_value


@inner
def add_bias(arena, work, data, ints, places, step, r, c, value):
    """h = x w + b, after a product without bias, which is cuBLAS's."""
    return value + arena[places[op.W] + places[op.INPUTS] * places[op.OUTPUTS] + c]


@inner
def draw(ints, places, purpose, step, r, c):
    """24 random bits of an element for one of the layer's purposes: a hash of its place, which can be drawn again."""
    low, high = row_key(ints[ints[op.KEYS] + places[op.KEY] + purpose], step * ints[op.BATCH] + r)
    return noise(low, high, c)


@functools.cache
def draw_uniform(dtype: str, noisy: bool) -> Any:
    """The noise of an activation, above 0 and below 1; 1/2 for an activation without noise."""
    number = np.dtype(dtype).type
    share, half = number(SHARE_OF_ONE), number(0.5)

    @inner
    def draw_fix(ints, places, step, r, c):
        return max(number(draw(ints, places, ACTIVATION, step, r, c)), half) * share

    @inner
    def return_half(ints, places, step, r, c):
        return half

    return draw_fix if noisy else return_half


@functools.cache
def activate(value: Any, dtype: str, vectors: int, noisy: bool) -> Any:
    """a = f(z)."""
    random, shape, number = draw_uniform(dtype, noisy), (max(vectors, 1), 1), np.dtype(dtype).type

    @inner
    def apply(arena, work, data, ints, places, step, r, c, z):
        numbers = cuda.local.array(shape, number)
        for k in range(vectors):
            numbers[k, 0] = arena[places[op.VECTORS] + k * places[op.OUTPUTS] + c]
        return value(z, random(ints, places, step, r, c), work[places[op.PARAMETERS] :], numbers, 0)

    return apply


@functools.cache
def drop(dtype: str) -> Any:
    """y = `dropped` with probability `rate`, else scale a + shift."""

    @inner
    def drop_value(arena, work, data, ints, places, step, r, c, a):
        numbers = places[op.DROPOUT]
        if draw(ints, places, DROPOUT, step, r, c) < places[op.LIMIT]:
            return work[numbers + DROPPED]
        return work[numbers + SCALE] * a + work[numbers + SHIFT]

    return drop_value


@functools.cache
def add_inputs(source: int) -> Any:
    """y = a + x, with the layer's inputs x."""
    row, from_work = locate_row(source), source == FROM_WORK

    @inner
    def add_x(arena, work, data, ints, places, step, r, c, a):
        place = places[op.X] + row(ints, step * ints[op.BATCH], r) * places[op.INPUTS] + c
        return a + (work[place] if from_work else data[place])

    return add_x


# ---- the way back


@inner
def add_skipped(arena, work, data, ints, places, step, r, c, d):
    """The gradient plus the one that a residual connection takes past the layer above."""
    return d + work[places[op.NEXT_SKIP] + r * places[op.OUTPUTS] + c]


@functools.cache
def drop_back(dtype: str) -> Any:
    """da = scale dy, or 0 where a was dropped; the random bits are drawn again, so no mask is kept."""
    zero = np.dtype(dtype).type(0)

    @inner
    def back(arena, work, data, ints, places, step, r, c, d):
        if draw(ints, places, DROPOUT, step, r, c) < places[op.LIMIT]:
            return zero
        return work[places[op.DROPOUT] + SCALE] * d

    return back


@functools.cache
def activate_back(slope: Any, slopes: tuple[Any, ...], dtype: str, noisy: bool) -> Any:
    """dz = da f'(z), with z and a = f(z) from their buffers; it stores the gradients to f's trained vectors, too."""
    random, vectors, number = draw_uniform(dtype, noisy), len(slopes), np.dtype(dtype).type
    shape = (max(vectors, 1), 1)
    keep = _keep_slopes(slopes)

    @inner
    def back(arena, work, data, ints, places, step, r, c, d):
        place, own = r * places[op.OUTPUTS] + c, work[places[op.PARAMETERS] :]
        z, a = work[places[op.Z] + place], work[places[op.A] + place]
        u, numbers = random(ints, places, step, r, c), cuda.local.array(shape, number)
        for k in range(vectors):
            numbers[k, 0] = arena[places[op.VECTORS] + k * places[op.OUTPUTS] + c]
        keep(work, ints, places, place, d, z, a, u, own, numbers)
        return d * slope(z, a, u, own, numbers, 0)

    return back


def _keep_slopes(slopes: tuple[Any, ...]) -> Any:
    """Make the device function that stores an element's gradients to its activation's trained vectors.

    It builds on itself, a vector a call: a kernel cannot loop over functions.
    """

    @inner
    def keep(work, ints, places, place, d, z, a, u, own, numbers):
        pass

    for k, slope in enumerate(slopes):
        keep = _keep_slope(keep, k, slope)
    return keep


def _keep_slope(before: Any, k: int, slope: Any) -> Any:
    @inner
    def keep(work, ints, places, place, d, z, a, u, own, numbers):
        before(work, ints, places, place, d, z, a, u, own, numbers)
        where = places[op.SLOPES] + k * places[op.SLOPES_STRIDE] + place
        work[where] = d * slope(z, a, u, own, numbers, 0)

    return keep


# ---- kernels


_row_in_order = locate_row(SHUFFLED)


@kernel
def gather(arena, work, data, ints, layer, step):
    """Copy a batch's rows, in the epoch's order, to the layer's inputs in work; a block copies a row.

    cuBLAS needs the rows side by side; numbann's own products look each row up.
    """
    step += ints[op.BEGUN]
    places, r = ints[op.HEAD + layer * op.WIDTH :], cuda.blockIdx.x
    if r >= batch_rows(ints, step):
        return
    inputs = places[op.INPUTS]
    start, place = _row_in_order(ints, step * ints[op.BATCH], r) * inputs, places[op.X] + r * inputs
    for c in range(cuda.threadIdx.x, inputs, cuda.blockDim.x):
        work[place + c] = data[start + c]


@functools.cache
def run_over_elements(column: int, finish: Any) -> Any:
    """Make the kernel that calls `finish` for the elements of the buffer that a column of the layer's row names."""

    @kernel
    def elements(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        places = ints[op.HEAD + layer * op.WIDTH :]
        outputs, c = places[op.OUTPUTS], cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
        if c < outputs:
            for r in range(cuda.blockIdx.x, batch_rows(ints, step), cuda.gridDim.x):
                value = work[places[column] + r * outputs + c]
                finish(arena, work, data, ints, places, step, r, c, value)

    return elements


def activate_rows(value: Any) -> Any:
    """Make the kernel of an activation of whole rows, a = f(z).  z, a: (B, O)."""
    return _run_over_rows(_activate_row(value))


def activate_rows_back(slope: Any) -> Any:
    """Make the kernel of the way back through an activation of whole rows, dz from da; dz must not be da."""
    return _run_over_rows(_activate_row_back(slope))


@functools.cache
def _run_over_rows(of_row: Any) -> Any:
    """Make the kernel that calls a device function for each row of a batch; a warp computes a row."""

    @kernel
    def rows(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        places = ints[op.HEAD + layer * op.WIDTH :]
        outputs = places[op.OUTPUTS]
        for r in range(cuda.grid(1) >> lanes.SHIFT, batch_rows(ints, step), cuda.gridsize(1) >> lanes.SHIFT):
            of_row(work, places, r * outputs, (r + 1) * outputs)

    return rows


@functools.cache
def _activate_row(value: Any) -> Any:
    @inner
    def activate_row(work, places, first, end):
        z, a = places[op.Z], places[op.A]
        value(work[z + first : z + end], work[a + first : a + end], work[places[op.PARAMETERS] :])

    return activate_row


@functools.cache
def _activate_row_back(slope: Any) -> Any:
    @inner
    def back(work, places, first, end):
        z, a, da, dz = places[op.Z], places[op.A], places[op.DY], places[op.D]
        row_z, row_a = work[z + first : z + end], work[a + first : a + end]
        slope(row_z, row_a, work[da + first : da + end], work[dz + first : dz + end], work[places[op.PARAMETERS] :])

    return back
