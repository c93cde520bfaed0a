"""A network of narrow layers in one CUDA kernel: forward, loss and the way back, a few rows a block.

A small network spends its step on launches and on waiting for memory; one kernel saves both.  The sizes are constants
of the kernel: loops are unrolled, and divisions by a size become multiplications.

A block keeps its rows of x, and on the way back of d, in shared memory (the tile), and beside them a slice of the
weights.  While the threads multiply by a slice, they load the next one to registers, of the same product or of the
next.  A thread computes a column for all rows of the block.  If there are fewer columns than threads, several threads
share a column: each takes a part of the depth, and the parts are added in their order.  So every sum has a fixed order
and the same bits on every run.

The kernel leaves in work what the gradients are computed from, for `products.gradients`.  If the first layer has more
inputs than the kernel takes, a launch before it computes that product in slices of the depth (`products.forward`), and
the kernel starts by adding the slices.  Functions of elements are those of elements.py.

Every stage is a device function (arena, work, data, ints, step, first, here, block).  first: the block's first row;
here: its number of rows; block: the tile, the weights and the parts of sums in shared memory, and the thread's
registers for the next slice and its sums.
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
# `thread & MASK` and `start & STEP_MASK` change no value: they show the compiler that it is not negative, and the test
# for an index that counts from the end goes
MASK, STEP_MASK = THREADS - 1, 1023


# ---- the kernel


@functools.cache
def make_kernel(shape: Shape, forwards: tuple[Any, ...], loss: Any, last: Any, backs: tuple[Any, ...]) -> Any:
    """Make the kernel.

    forwards: what each layer's product calls for an element.  loss: the loss of rows.  last: what the gradient to the
    outputs goes through, None for nothing.  backs: what the product d w' calls, for each layer but the last.
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
        if here <= 0:  # beyond the end of a smaller batch; the whole block returns, so nobody waits at a barrier
            return
        tile = cuda.shared.array(tile_size, number, alignment=alignment)
        weights = cuda.shared.array(weights_size, number)
        parts = cuda.shared.array(parts_size, number)
        registers, sums = cuda.local.array(registers_size, number), cuda.local.array(sums_shape, number)
        thread = cuda.threadIdx.x & MASK
        # Touch all places at once, so that later reads find them in the cache.  The store keeps the compiler from
        # dropping the reads; the products write over it.
        for e in range(turns):
            if thread + e * THREADS < places:
                parts[thread] = number(ints[thread + e * THREADS])
        whole_step(arena, work, data, ints, step, first, here, (tile, weights, parts, registers, sums))

    return fused_network


def _stages(
    shape: Shape, slices: list[Slice], finishes: dict[Product, Any], first_finish: Any, evaluate: Any
) -> Iterator[Any]:
    """The stages of a step in their order.

    For each slice of weights: load the next slice to registers; multiply by this one; after a product's last slice,
    finish its elements; store the next slice to shared memory.  `_multiply` and `_store` each end with a barrier.  The
    first: all threads are done with the weights in shared memory, so `_store` may overwrite them.  The second: the new
    weights, and what `_finish` wrote to the tile, are there for all.
    """
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
    """Make the device function that calls others in order, four at a time.

    Each function on the way is compiled; calling four of them needs fewer functions than calling two.
    """
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
    """Load a thread's share of a slice of the weights to its registers."""
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
    """Store the registers to shared memory, a row for each k of the depth, and wait for all threads."""
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
    """Make the device function that adds, for one k, x or d times a weight to each of a thread's sums.

    The tile has the rows of a k side by side: a thread reads four of them at once, and all threads of a warp the same.
    A thread beyond the last column repeats it instead of branching; `_finish` leaves out its sums.
    """
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
    """Add a slice of the depth to a thread's sums; after the last slice store them to shared memory, for `_finish`.

    Threads that share a column take the k of a slice in turn.
    """
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
    """Add the parts of each sum and call `finish`; its result goes to the other half of the tile, for the next product.

    On the way forward a row of ones follows the columns: the next product multiplies it by b.
    """
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


# ---- the start, and the loss


def _gather(shape: Shape) -> Any:
    """Load the block's rows of x, and a row of ones, to the first half of the tile."""
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
    """Add the slices of the first layer's product in their order, and call `finish` for each element."""
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
    """Compute the loss of each row of the block, and d of the last layer, to the tile, for the way back."""
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
