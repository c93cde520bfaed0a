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
from numbann.cuda.threads.batches import SHUFFLED, batch_rows, row_of
from numbann.cuda.threads.device import SIMULATED, THREADS, cuda, inner, kernel_of
from numbann.cuda.threads.fusing import Product, Shape, Slice

UNROLLED = 8  # steps of the depth without a loop
LAST, WHOLE = THREADS - 1, 1023  # a thread's number & LAST, and a step & WHOLE, are known not to be negative

Own = Any  # what a block has: the tile of x or d, a slice of weights, parts of sums; a thread's registers and its sums


# ---- the kernel


@functools.cache
def network(shape: Shape, forwards: tuple[Any, ...], loss: Any, last: Any, backs: tuple[Any, ...]) -> Any:
    """The kernel.  forwards: what each layer's product calls; loss: of rows; last: what the gradient to the outputs
    goes through (None: nothing); backs: what the product of the gradient calls in each layer but the last.
    """
    ahead, back = shape.products()
    finishes = dict(zip((*ahead, *back), (*forwards[len(forwards) - len(ahead) :], *reversed(backs)), strict=True))
    slices = [one for product in finishes for one in product.slices()]
    whole_step = _in_turn(list(_parts(shape, slices, finishes, forwards[0], _turn(shape, loss, last))))
    number, rows_here, tile_size = shape.number, shape.rows, 2 * shape.half
    weights_size = max((one.deep * one.product.stride for one in slices), default=1)
    parts_size = max((THREADS * product.each * rows_here for product in finishes), default=THREADS)
    registers_size = max((one.loads for one in slices), default=1)
    sums_shape = max((product.each for product in finishes), default=1), rows_here
    alignment, places = (None if SIMULATED else 16), op.HEAD + len(forwards) * op.WIDTH
    turns = -(-places // THREADS)

    @kernel_of(THREADS)
    def whole(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        first = cuda.blockIdx.x * rows_here
        here = min(rows_here, batch_rows(ints, step) - first)
        if here <= 0:
            return
        tile = cuda.shared.array(tile_size, number, alignment=alignment)
        weights = cuda.shared.array(weights_size, number)
        parts = cuda.shared.array(parts_size, number)
        registers, sums = cuda.local.array(registers_size, number), cuda.local.array(sums_shape, number)
        thread = cuda.threadIdx.x & LAST
        for e in range(turns):  # read them all at once, and later they are near by
            if thread + e * THREADS < places:
                parts[thread] = number(ints[thread + e * THREADS])
        whole_step(arena, work, data, ints, step, first, here, (tile, weights, parts, registers, sums))

    return whole


def _parts(
    shape: Shape, slices: list[Slice], finishes: dict[Product, Any], first_finish: Any, turn: Any
) -> Iterator[Any]:
    """The device functions of a step, one after the other."""
    yield from [_load(one) for one in slices[:1]]
    yield _add_slices(shape, first_finish) if shape.slices else _gather(shape)
    yield _keep(slices[0]) if slices else _wait
    if not slices or slices[0].product.back:
        yield turn
    for one, following in itertools.zip_longest(slices, slices[1:]):
        done, ahead = one.start + one.deep == one.product.depth, not one.product.back
        yield _load(following) if following else _nothing
        yield _multiply(one)
        yield _finish(one.product, finishes[one.product]) if done else _nothing
        yield _keep(following) if following else _wait
        if done and ahead and one.product.layer == len(shape.sizes) - 1:
            yield turn


def _in_turn(functions: Sequence[Any]) -> Any:
    """The device function that calls some, one after the other; four at a time, since each function is compiled."""
    if len(functions) == 1:
        return functions[0]
    fours = [[*functions[k : k + 4], _nothing, _nothing, _nothing][:4] for k in range(0, len(functions), 4)]
    return _in_turn([_four(*four) for four in fours])


def _four(first_one: Any, second: Any, third: Any, fourth: Any) -> Any:
    @inner
    def four(arena, work, data, ints, step, first, here, own):
        first_one(arena, work, data, ints, step, first, here, own)
        second(arena, work, data, ints, step, first, here, own)
        third(arena, work, data, ints, step, first, here, own)
        fourth(arena, work, data, ints, step, first, here, own)

    return four


@inner
def _nothing(arena, work, data, ints, step, first, here, own):
    pass


@inner
def _wait(arena, work, data, ints, step, first, here, own):
    cuda.syncthreads()


# ---- weights


def _load(one: Slice) -> Any:
    """A thread's share of a slice of the weights to its registers."""
    layer, back, depth, columns = one.product.layer, one.product.back, one.product.depth, one.product.columns
    start, deep, size, loads = one.start, one.deep, one.size, one.loads

    @inner
    def load(arena, work, data, ints, step, first, here, own):
        registers, places, thread = own[3], ints[op.HEAD + layer * op.WIDTH :], cuda.threadIdx.x & LAST
        place = places[op.NEXT_W] + start if back else places[op.W] + start * columns
        for e in range(loads):
            i = thread + e * THREADS
            if i < size:
                registers[e] = arena[place + (i // deep * depth + i % deep if back else i)]

    return load


def _keep(one: Slice) -> Any:
    """From there to shared memory, a row for each of the depth; after it all threads are done with what they write."""
    back, columns, stride = one.product.back, one.product.columns, one.product.stride
    deep, size, loads = one.deep, one.size, one.loads

    @inner
    def keep(arena, work, data, ints, step, first, here, own):
        weights, registers, thread = own[1], own[3], cuda.threadIdx.x & LAST
        for e in range(loads):
            i = thread + e * THREADS
            if i < size:
                m, c = (i % deep, i // deep) if back else (i // columns, i % columns)
                weights[m * stride + c] = registers[e]
        cuda.syncthreads()

    return keep


# ---- products


@functools.cache
def _add(product: Product) -> Any:
    """The device function that adds an element of x or d times a weight to each of a thread's sums."""
    rows, each, columns, lanes, stride = (
        product.shape.rows,
        product.each,
        product.columns,
        product.lanes,
        product.stride,
    )

    @inner
    def add(tile, place, weights, m, lane, sums):
        for q in range(each):
            weight = weights[m * stride + min(lane + q * lanes, columns - 1)]
            for r in range(rows):
                sums[q, r] += tile[place + m * rows + r] * weight

    return add


def _multiply(one: Slice) -> Any:
    """Add a slice of the depth to a thread's sums, and after the last one leave them in shared memory."""
    product, deep, begins, add = one.product, one.deep, one.start == 0, _add(one.product)
    rows, lanes, each, parts = product.shape.rows, product.lanes, product.each, product.parts
    zero, width, ends = product.shape.number(0), lanes * each, one.start + deep == product.depth
    place, mask, shift = product.source + one.start * rows, lanes - 1, lanes.bit_length() - 1
    turns, full = deep // parts, deep // parts // UNROLLED * UNROLLED

    @inner
    def multiply(arena, work, data, ints, step, first, here, own):
        tile, weights, sums_of_parts, _, sums = own
        thread = cuda.threadIdx.x & LAST
        lane, part = thread & mask, thread >> shift
        if begins:
            for q in range(each):
                for r in range(rows):
                    sums[q, r] = zero
        for start in range(0, full, UNROLLED):
            for j in range(UNROLLED):
                add(tile, place, weights, ((start & WHOLE) + j) * parts + part, lane, sums)
        for j in range(full, turns):
            add(tile, place, weights, j * parts + part, lane, sums)
        if turns * parts + part < deep:
            add(tile, place, weights, turns * parts + part, lane, sums)
        if ends:
            for q in range(each):
                for r in range(rows):
                    sums_of_parts[(part * rows + r) * width + q * lanes + lane] = sums[q, r]
        cuda.syncthreads()

    return multiply


def _finish(product: Product, finish: Any) -> Any:
    """What follows a product, element by element; what comes out is what the next one reads."""
    layer, rows, columns, target, ahead = (
        product.layer,
        product.shape.rows,
        product.columns,
        product.target,
        not product.back,
    )
    parts, width = product.parts, product.lanes * product.each
    zero, one, turns = product.shape.number(0), product.shape.number(1), -(-rows * columns // THREADS)

    @inner
    def finished(arena, work, data, ints, step, first, here, own):
        tile, sums, places, thread = own[0], own[2], ints[op.HEAD + layer * op.WIDTH :], cuda.threadIdx.x & LAST
        for e in range(turns):
            r, c = (thread + e * THREADS) // columns, (thread + e * THREADS) % columns
            if r < here:
                total = zero
                for part in range(parts):
                    total += sums[(part * rows + r) * width + c]
                tile[target + c * rows + r] = finish(arena, work, data, ints, places, step, first + r, c, total)
                if ahead and c == 0:
                    tile[target + columns * rows + r] = one

    return finished


# ---- the beginning, and the turn


def _gather(shape: Shape) -> Any:
    """The block's rows of x and a row of ones to the first half of the tile."""
    row, rows, inputs, one = row_of(SHUFFLED), shape.rows, shape.sizes[0][0], shape.number(1)
    turns = -(-rows * inputs // THREADS)

    @inner
    def gather(arena, work, data, ints, step, first, here, own):
        tile, start, thread = own[0], step * ints[op.BATCH], cuda.threadIdx.x & LAST
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
    def add_slices(arena, work, data, ints, step, first, here, own):
        tile, places, thread = own[0], ints[op.HEAD :], cuda.threadIdx.x & LAST
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


def _turn(shape: Shape, loss: Any, last: Any) -> Any:
    """The losses of the block's rows, and d of the last layer for the way back."""
    count, rows, outputs = len(shape.sizes), shape.rows, shape.sizes[-1][1]
    target = len(shape.products()[0]) % 2 * shape.half
    finish, finishes = (_as_it_is if last is None else last), last is not None or count > 1
    turns = -(-rows * outputs // THREADS)

    @inner
    def turn(arena, work, data, ints, step, first, here, own):
        tile, batch, thread = own[0], batch_rows(ints, step), cuda.threadIdx.x & LAST
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

    return turn


@inner
def _as_it_is(arena, work, data, ints, places, step, r, c, value):
    return value
