"""The whole network in one CUDA kernel, for narrow layers: forward, loss and the way back, a few rows a block.

The network's sizes are constants of the kernel, so that loops are unrolled and divisions become products.  A block's
rows of x, and later of d, lie in shared memory, and so does a slice of the weights; while the threads multiply by it,
the next one is on its way to registers, whether of the same product or of the next.  A thread does a column for all
rows of the block; where columns are few, it does a part of the depth, and the parts are added in their order.  What
the gradients are made of is left in work, where `products.gradients` finds it.

Where the first layer has more inputs, its product is a launch of its own before (`products.forward`, in slices of the
depth), and the kernel begins with adding up the slices.  Functions of elements are those of elements.py.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from numbann.cuda.threads import op
from numbann.cuda.threads.batches import SHUFFLED, batch_rows, locate_row
from numbann.cuda.threads.device import SIMULATED, THREADS, cuda, inner, kernel_of
from numbann.cuda.threads.fused_sizes import Product, Shape, Slice

UNROLL = 8  # steps of the depth without a loop
MASK, STEP_MASK = THREADS - 1, 1023  # a thread's number & LAST, and a step & WHOLE, are known not to be negative

Own = Any  # what a block has: the tile of x or d, a slice of weights, parts of sums; a thread's registers and its sums


# ---- the kernel


@functools.cache
def make_kernel(shape: Shape, forwards: tuple[Any, ...], loss: Any, last: Any, backs: tuple[Any, ...]) -> Any:
    """The kernel.  forwards: what each layer's product calls; loss: of rows; last: what the gradient to the outputs
    goes through (None: nothing); backs: what the product of the gradient calls in each layer but the last.
    """
    forward, back = shape.products()
    finishes = dict(zip((*forward, *back), (*forwards[len(forwards) - len(forward) :], *reversed(backs)), strict=True))
    slices = [one for product in finishes for one in product.slices()]
    whole_step = _sequence(list(_stages(shape, slices, finishes, forwards[0], _evaluate(shape, loss, last))))
    number, rows_here, tile_size = shape.number, shape.rows, 2 * shape.half
    weights_size = max((one.length * one.product.stride for one in slices), default=1)
    parts_size = max((THREADS * product.columns_each * rows_here for product in finishes), default=THREADS)
    registers_size = max((one.loads for one in slices), default=1)
    sums_shape = max((product.columns_each for product in finishes), default=1), rows_here
    alignment, places = (None if SIMULATED else 16), op.HEAD + len(forwards) * op.WIDTH
    turns = -(-places // THREADS)

    @kernel_of(THREADS)
    def fused_network(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        first = cuda.blockIdx.x * rows_here
        here = min(rows_here, batch_rows(ints, step) - first)
        if here <= 0:
            return
        tile = cuda.shared.array(tile_size, number, alignment=alignment)
        weights = cuda.shared.array(weights_size, number)
        parts = cuda.shared.array(parts_size, number)
        registers, sums = cuda.local.array(registers_size, number), cuda.local.array(sums_shape, number)
        thread = cuda.threadIdx.x & MASK
        for e in range(turns):  # read them all at once, and later they are near by
            if thread + e * THREADS < places:
                parts[thread] = number(ints[thread + e * THREADS])
        whole_step(arena, work, data, ints, step, first, here, (tile, weights, parts, registers, sums))

    return fused_network


def _stages(
    shape: Shape, slices: list[Slice], finishes: dict[Product, Any], first_finish: Any, evaluate: Any
) -> Iterator[Any]:
    """The device functions of a step, one after the other."""
    yield from [_load(one) for one in slices[:1]]
    yield _add_slices(shape, first_finish) if shape.slices else _gather(shape)
    yield _store(slices[0]) if slices else _wait
    if not slices or slices[0].product.back:
        yield evaluate
    for one, following in itertools.zip_longest(slices, slices[1:]):
        done, forward = one.start + one.length == one.product.depth, not one.product.back
        yield _load(following) if following else _do_nothing
        yield _multiply(one)
        yield _finish(one.product, finishes[one.product]) if done else _do_nothing
        yield _store(following) if following else _wait
        if done and forward and one.product.layer == len(shape.sizes) - 1:
            yield evaluate


def _sequence(functions: Sequence[Any]) -> Any:
    """The device function that calls some, one after the other; four at a time, since each function is compiled."""
    if len(functions) == 1:
        return functions[0]
    fours = [[*functions[k : k + 4], _do_nothing, _do_nothing, _do_nothing][:4] for k in range(0, len(functions), 4)]
    return _sequence([_call_four(*four) for four in fours])


def _call_four(first_one: Any, second: Any, third: Any, fourth: Any) -> Any:
    @inner
    def four(arena, work, data, ints, step, first, here, block):
        first_one(arena, work, data, ints, step, first, here, block)
        second(arena, work, data, ints, step, first, here, block)
        third(arena, work, data, ints, step, first, here, block)
        fourth(arena, work, data, ints, step, first, here, block)

    return four


@inner
def _do_nothing(arena, work, data, ints, step, first, here, block):
    pass


@inner
def _wait(arena, work, data, ints, step, first, here, block):
    cuda.syncthreads()


# ---- weights


def _load(one: Slice) -> Any:
    """A thread's share of a slice of the weights to its registers."""
    layer, back, depth, columns = one.product.layer, one.product.back, one.product.depth, one.product.columns
    start, length, size, loads = one.start, one.length, one.size, one.loads

    @inner
    def load(arena, work, data, ints, step, first, here, block):
        registers, places, thread = block[3], ints[op.HEAD + layer * op.WIDTH :], cuda.threadIdx.x & MASK
        place = places[op.NEXT_W] + start if back else places[op.W] + start * columns
        for e in range(loads):
            i = thread + e * THREADS
            if i < size:
                registers[e] = arena[place + (i // length * depth + i % length if back else i)]

    return load


def _store(one: Slice) -> Any:
    """From there to shared memory, a row for each of the depth; after it all threads are done with what they write."""
    back, columns, stride = one.product.back, one.product.columns, one.product.stride
    length, size, loads = one.length, one.size, one.loads

    @inner
    def store(arena, work, data, ints, step, first, here, block):
        weights, registers, thread = block[1], block[3], cuda.threadIdx.x & MASK
        for e in range(loads):
            i = thread + e * THREADS
            if i < size:
                m, c = (i % length, i // length) if back else (i // columns, i % columns)
                weights[m * stride + c] = registers[e]
        cuda.syncthreads()

    return store


# ---- products


@functools.cache
def _make_add(product: Product) -> Any:
    """The device function that adds an element of x or d times a weight to each of a thread's sums."""
    rows, columns_each, columns, lanes, stride = (
        product.shape.rows,
        product.columns_each,
        product.columns,
        product.lanes,
        product.stride,
    )

    @inner
    def add(tile, place, weights, m, lane, sums):
        for q in range(columns_each):
            weight = weights[m * stride + min(lane + q * lanes, columns - 1)]
            for r in range(rows):
                sums[q, r] += tile[place + m * rows + r] * weight

    return add


def _multiply(one: Slice) -> Any:
    """Add a slice of the depth to a thread's sums, and after the last one leave them in shared memory."""
    product, length, begins, add = one.product, one.length, one.start == 0, _make_add(one.product)
    rows, lanes, columns_each, parts = product.shape.rows, product.lanes, product.columns_each, product.parts
    zero, width, ends = product.shape.number(0), lanes * columns_each, one.start + length == product.depth
    place, mask, shift = product.source + one.start * rows, lanes - 1, lanes.bit_length() - 1
    turns, full = length // parts, length // parts // UNROLL * UNROLL

    @inner
    def multiply(arena, work, data, ints, step, first, here, block):
        tile, weights, sums_of_parts, _, sums = block
        thread = cuda.threadIdx.x & MASK
        lane, part = thread & mask, thread >> shift
        if begins:
            for q in range(columns_each):
                for r in range(rows):
                    sums[q, r] = zero
        for start in range(0, full, UNROLL):
            for j in range(UNROLL):
                add(tile, place, weights, ((start & STEP_MASK) + j) * parts + part, lane, sums)
        for j in range(full, turns):
            add(tile, place, weights, j * parts + part, lane, sums)
        if turns * parts + part < length:
            add(tile, place, weights, turns * parts + part, lane, sums)
        if ends:
            for q in range(columns_each):
                for r in range(rows):
                    sums_of_parts[(part * rows + r) * width + q * lanes + lane] = sums[q, r]
        cuda.syncthreads()

    return multiply


def _finish(product: Product, finish: Any) -> Any:
    """What follows a product, element by element; what comes out is what the next one reads."""
    layer, rows, columns, target, forward = (
        product.layer,
        product.shape.rows,
        product.columns,
        product.target,
        not product.back,
    )
    parts, width = product.parts, product.lanes * product.columns_each
    zero, one, turns = product.shape.number(0), product.shape.number(1), -(-rows * columns // THREADS)

    @inner
    def finish_all(arena, work, data, ints, step, first, here, block):
        tile, sums, places, thread = block[0], block[2], ints[op.HEAD + layer * op.WIDTH :], cuda.threadIdx.x & MASK
        for e in range(turns):
            r, c = (thread + e * THREADS) // columns, (thread + e * THREADS) % columns
            if r < here:
                total = zero
                for part in range(parts):
                    total += sums[(part * rows + r) * width + c]
                tile[target + c * rows + r] = finish(arena, work, data, ints, places, step, first + r, c, total)
                if forward and c == 0:
                    tile[target + columns * rows + r] = one

    return finish_all


# ---- the beginning, and the turn


def _gather(shape: Shape) -> Any:
    """The block's rows of x and a row of ones to the first half of the tile."""
    row, rows, inputs, one = locate_row(SHUFFLED), shape.rows, shape.sizes[0][0], shape.number(1)
    turns = -(-rows * inputs // THREADS)

    @inner
    def gather(arena, work, data, ints, step, first, here, block):
        tile, start, thread = block[0], step * ints[op.BATCH], cuda.threadIdx.x & MASK
        for e in range(turns):
            r, c = (thread + e * THREADS) // inputs, (thread + e * THREADS) % inputs
            if r < here:
                tile[c * rows + r] = data[row(ints, start, first + r) * inputs + c]
                if c == 0:
                    tile[inputs * rows + r] = one

    return gather


def _add_slices(shape: Shape, finish: Any) -> Any:
    """The product of the first layer from its slices, and what follows it."""
    rows, outputs, slices = shape.rows, shape.sizes[0][1], shape.slices
    zero, one, turns = shape.number(0), shape.number(1), -(-rows * outputs // THREADS)

    @inner
    def add_slices(arena, work, data, ints, step, first, here, block):
        tile, places, thread = block[0], ints[op.HEAD :], cuda.threadIdx.x & MASK
        for e in range(turns):
            r, c = (thread + e * THREADS) // outputs, (thread + e * THREADS) % outputs
            if r < here:
                place = places[op.PARTS] + (first + r) * outputs + c
                total = zero
                for k in range(slices):
                    total += work[place + k * ints[op.BATCH] * outputs]
                tile[c * rows + r] = finish(arena, work, data, ints, places, step, first + r, c, total)
                if c == 0:
                    tile[outputs * rows + r] = one

    return add_slices


def _evaluate(shape: Shape, loss: Any, last: Any) -> Any:
    """The losses of the block's rows, and d of the last layer for the way back."""
    count, rows, outputs = len(shape.sizes), shape.rows, shape.sizes[-1][1]
    target = len(shape.products()[0]) % 2 * shape.half
    finish, finishes = (_identity if last is None else last), last is not None or count > 1
    turns = -(-rows * outputs // THREADS)

    @inner
    def evaluate(arena, work, data, ints, step, first, here, block):
        tile, batch, thread = block[0], batch_rows(ints, step), cuda.threadIdx.x & MASK
        places = ints[op.HEAD + (count - 1) * op.WIDTH :]
        loss(work, data, ints, places, step, (first, first + here, batch), thread, THREADS)
        cuda.syncthreads()
        if finishes:
            for e in range(turns):
                r, c = (thread + e * THREADS) // outputs, (thread + e * THREADS) % outputs
                if r < here:
                    d = work[places[op.DY] + (first + r) * outputs + c]
                    tile[target + c * rows + r] = finish(arena, work, data, ints, places, step, first + r, c, d)
            cuda.syncthreads()

    return evaluate


@inner
def _identity(arena, work, data, ints, places, step, r, c, value):
    return value
