"""The dense products of a layer as CUDA kernels, with what follows in their last lines.  They know no component.

    forward   h = x w + b        rows of x by columns of w
    delta     dx = d w'          rows of d by rows of w
    gradient  dw, db = x' d      w and b are one matrix of I + 1 rows, and x has a last column of ones

A block of threads makes a tile of the product: slices of both factors go through shared memory, while the next ones are
on their way to registers, and a thread keeps a small block of sums.  Beyond its edges a factor is 0, so that the loop
over the depth has no special case.  `finish` is called for each element with its row, its column and its sum.

Where blocks are few and the depth is long, it is cut into slices for more blocks (`divide`): each leaves its part of
the sums in work, and another launch adds the parts in their order (`add_parts`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from numbann.simt import op
from numbann.simt.device import SIMULATED, cuda, inner, kernel, kernel_of


@dataclass(frozen=True)
class Tile:
    """rows x columns of a product by one block of threads, slices so deep; a thread has `down` x `across` of them."""

    rows: int
    columns: int
    depth: int
    down: int
    across: int

    @property
    def threads(self) -> int:
        """The threads of a block."""
        return self.rows // self.down * (self.columns // self.across)

    @property
    def shift(self) -> int:
        """The number of threads side by side, as a power of two."""
        return (self.columns // self.across).bit_length() - 1

    @property
    def effort(self) -> int:
        """About how many cycles of a multiprocessor a block takes for a row of the depth: to read and to multiply."""
        reads = self.threads // 32 * (self.down + self.across) // self.vector
        return max(reads, self.threads * self.down * self.across // 128)

    @property
    def vector(self) -> int:
        """Elements of a factor side by side, which one instruction reads."""
        return min(4, self.down, self.across)

    def blocks(self, rows: int, columns: int) -> tuple[int, int]:
        """The blocks that a product of this size takes."""
        return -(-rows // self.rows), -(-columns // self.columns)


TILES = (Tile(128, 128, 8, 8, 8), Tile(64, 64, 16, 4, 4), Tile(32, 32, 32, 2, 2), Tile(16, 16, 64, 1, 1))


def choose(rows: int, columns: int, processors: int) -> Tile:
    """The largest tile of which there are enough blocks to keep all processors busy, else the smallest."""
    for tile in TILES[:-1]:
        down, across = tile.blocks(rows, columns)
        if down * across >= processors:
            return tile
    return TILES[-1]


@dataclass(frozen=True)
class Cut:
    """Slices of a product's depth, each so long, done by blocks along the grid's last dimension."""

    slices: int
    length: int


# Cycles, from what is known of such GPUs and not measured: to fetch what lies in memory, of a launch, and to add a part
FETCH, LAUNCH, ADD = 600, 4000, 30


def divide(
    rows: int, columns: int, depth: int, processors: int, layers: int = 1, launch: int | None = None
) -> tuple[Tile, Cut | None]:
    """The tile of a product, or of so many at once, and its cut, if by an estimate it gains more than a launch.

    launch: cycles of the launch that adds up the parts, 0 where there is one anyway.
    """

    def blocks(tile: Tile) -> int:
        down, across = tile.blocks(rows, columns)
        return down * across * layers

    def cycles(tile: Tile, cut: Cut) -> int:
        rounds, slices = -(-blocks(tile) * cut.slices // processors), -(-cut.length // tile.depth)
        return rounds * (FETCH + slices * max(FETCH, tile.effort * tile.depth)) + ADD * cut.slices

    def cuts(tile: Tile) -> Iterator[Cut]:
        pieces = -(-depth // tile.depth)
        for slices in range(1, min(pieces, max(1, 2 * processors // blocks(tile))) + 1):
            length = -(-pieces // slices)
            yield Cut(-(-pieces // length), length * tile.depth)

    launch, whole = LAUNCH if launch is None else launch, choose(rows, columns * layers, processors)
    if launch and blocks(whole) >= processors:
        return whole, None
    best = min(((tile, cut) for tile in TILES for cut in cuts(tile)), key=lambda found: cycles(*found))
    if launch and cycles(*best) + launch >= cycles(whole, Cut(1, depth)):
        return whole, None
    return best


# Where x is: rows of work, or of data, as they lie, or in the epoch's order, or in it unless start is negative
FROM_WORK, IN_ORDER, SHUFFLED, EITHER = 0, 1, 2, 3
ARENA, WORK, DATA = 0, 1, 2
UNROLLED = 8  # steps of the depth, so that the loads of one are hidden behind the sums of others


@inner
def batch_rows(ints, step):
    """The rows of a step's batch; the last one of an epoch may be smaller."""
    return min(ints[op.BATCH], ints[op.TOTAL] - step * ints[op.BATCH])


@kernel
def advance(arena, work, data, ints, layer, step):
    """Let so many steps of the epoch be done."""
    ints[op.BEGUN] += step


@functools.cache
def row_of(source: int) -> Any:
    """The device function that says where a row of a batch, which begins at `start`, is in x."""

    @inner
    def in_work(ints, start, row):
        return row

    @inner
    def in_order(ints, start, row):
        return start + row

    @inner
    def shuffled(ints, start, row):
        return ints[ints[op.ORDER] + start + row]

    @inner
    def either(ints, start, row):
        return ints[ints[op.ORDER] + start + row] if start >= 0 else row

    return (in_work, in_order, shuffled, either)[source]


@functools.cache
def slice_of(cut: Cut | None) -> Any:
    """The device function of the rows of the depth that a block does: the first one, and how many."""
    slices, length = (1, 0) if cut is None else (cut.slices, cut.length)

    @inner
    def everything(depth):
        return 0, depth

    @inner
    def own(depth):
        start = min(depth, cuda.blockIdx.z % slices * length)
        return start, min(length, depth - start)

    return everything if cut is None else own


@functools.cache
def keep_part(cut: Cut, of_weights: bool) -> Any:
    """In the place of `finish`: keep a slice's part of a sum, of a row of a batch or of w and b."""
    slices = cut.slices

    @inner
    def kept(arena, work, data, ints, at, step, m, n, total):
        rows = ints[at + op.INPUTS] + 1 if of_weights else ints[op.BATCH]
        place = (cuda.blockIdx.z % slices * rows + m) * ints[at + op.OUTPUTS] + n
        work[ints[at + op.PARTS] + place] = total

    return kept


@functools.cache
def add_parts(finish: Any, dtype: str, cut: Cut, of_weights: bool) -> Any:
    """The kernel that gives the sums of all parts to `finish`; a row of blocks for each layer from the launch's on."""
    zero, slices = np.dtype(dtype).type(0), cut.slices

    @kernel
    def added(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        at = op.HEAD + (layer + cuda.blockIdx.y) * op.WIDTH
        outputs, own = ints[at + op.OUTPUTS], ints[at + op.INPUTS] + 1
        apart, rows = (own, own) if of_weights else (ints[op.BATCH], batch_rows(ints, step))
        for i in range(cuda.grid(1), rows * outputs, cuda.gridsize(1)):
            total = zero
            for k in range(slices):
                total += work[ints[at + op.PARTS] + k * apart * outputs + i]
            finish(arena, work, data, ints, at, step, i // outputs, i % outputs, total)

    return added


@functools.cache
def forward(finish: Any, dtype: str, tile: Tile, source: int, cut: Cut | None = None) -> Any:
    """The kernel that gives x w + b to `finish`; the first slice of a cut has b."""
    take, part = (finish if cut is None else keep_part(cut, False)), slice_of(cut)

    @inner
    def last(arena, work, data, ints, at, step, m, n, total):
        if cuda.blockIdx.z == 0:
            total += arena[ints[at + op.W] + ints[at + op.INPUTS] * ints[at + op.OUTPUTS] + n]
        take(arena, work, data, ints, at, step, m, n, total)

    x = _Factor(WORK if source == FROM_WORK else DATA, along=True, source=source)
    multiply = _multiply(dtype, tile, x, _Factor(ARENA, along=False), last)

    @kernel_of(tile.threads)
    def dense_forward(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        at = op.HEAD + layer * op.WIDTH
        rows, inputs, outputs = batch_rows(ints, step), ints[at + op.INPUTS], ints[at + op.OUTPUTS]
        k, depth = part(inputs)
        left, right = (ints[at + op.X] + k, inputs), (ints[at + op.W] + k * outputs, outputs)
        multiply(arena, work, data, ints, at, step, step * ints[op.BATCH], left, right, (rows, outputs, depth))

    return dense_forward


@functools.cache
def delta(finish: Any, dtype: str, tile: Tile, cut: Cut | None = None) -> Any:
    """The kernel that gives d w' of the layer above to `finish`."""
    take, part = (finish if cut is None else keep_part(cut, False)), slice_of(cut)
    multiply = _multiply(dtype, tile, _Factor(WORK, along=True), _Factor(ARENA, along=True), take)

    @kernel_of(tile.threads)
    def dense_delta(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        at = op.HEAD + layer * op.WIDTH
        rows, outputs, above = batch_rows(ints, step), ints[at + op.OUTPUTS], ints[at + op.NEXT_OUTPUTS]
        k, depth = part(above)
        left, right = (ints[at + op.NEXT_D] + k, above), (ints[at + op.NEXT_W] + k, above)
        multiply(arena, work, data, ints, at, step, 0, left, right, (rows, outputs, depth))

    return dense_delta


@functools.cache
def gradient(finish: Any, dtype: str, tile: Tile, source: int, cut: Cut | None = None) -> Any:
    """The kernel that gives x' d, and below it the sums of d, to `finish`."""
    multiply, in_work = _gradient(finish, dtype, tile, source, cut), source == FROM_WORK

    @kernel_of(tile.threads)
    def dense_gradient(arena, work, data, ints, layer, step):
        multiply(arena, work, data, ints, op.HEAD + layer * op.WIDTH, step + ints[op.BEGUN], in_work)

    return dense_gradient


@functools.cache
def gradients(finish: Any, dtype: str, tile: Tile, cut: Cut | None = None) -> Any:
    """As `gradient` for all layers at once, a layer of blocks for each, or for each of its slices.

    The first layer's rows are found in data once more: to read their places costs less than to write them elsewhere.
    """
    multiply, slices = _gradient(finish, dtype, tile, EITHER, cut), 1 if cut is None else cut.slices
    rows_of_tile, columns_of_tile = tile.rows, tile.columns

    @kernel_of(tile.threads)
    def dense_gradients(arena, work, data, ints, layer, step):
        at, in_work = op.HEAD + cuda.blockIdx.z // slices * op.WIDTH, cuda.blockIdx.z >= slices
        inputs, outputs = ints[at + op.INPUTS], ints[at + op.OUTPUTS]
        if cuda.blockIdx.x * rows_of_tile > inputs or cuda.blockIdx.y * columns_of_tile >= outputs:
            return
        multiply(arena, work, work if in_work else data, ints, at, step + ints[op.BEGUN], in_work)

    return dense_gradients


@functools.cache
def _gradient(finish: Any, dtype: str, tile: Tile, source: int, cut: Cut | None) -> Any:
    """The device function of a tile of a layer's gradient."""
    x = _Factor(WORK if source == FROM_WORK else DATA, along=False, source=source, ones=True)
    take, part = (finish if cut is None else keep_part(cut, True)), slice_of(cut)
    multiply = _multiply(dtype, tile, x, _Factor(WORK, along=False), take)

    @inner
    def of_layer(arena, work, data, ints, at, step, in_work):
        rows, inputs, outputs = batch_rows(ints, step), ints[at + op.INPUTS], ints[at + op.OUTPUTS]
        k, depth = part(rows)
        start = -1 if in_work else step * ints[op.BATCH] + k
        left, right = (
            (ints[at + op.X] + (k * inputs if in_work else 0), inputs),
            (ints[at + op.D] + k * outputs, outputs),
        )
        multiply(arena, work, data, ints, at, step, start, left, right, (inputs + 1, outputs, depth))

    return of_layer


@dataclass(frozen=True)
class _Factor:
    """A matrix of rows in one of the arrays: whether they run along the depth, and whether a column of ones follows."""

    array: int
    along: bool
    source: int = FROM_WORK
    ones: bool = False


@functools.cache
def _fetcher(factor: _Factor, dtype: str, length: int, depth: int, threads: int) -> tuple[Any, Any, Any, Any]:
    """Device functions of a thread's share of the slices of a factor, length x depth: where it lies; from there to
    registers, the first rows of a slice or all of them; and from registers to shared memory.

    Beyond the edge of the product the last row or column is read again: nothing becomes of what it gives.
    """
    number = np.dtype(dtype).type
    zero, one = number(0), number(1)
    count, along, ones, array = length * depth // threads, factor.along, factor.ones, factor.array
    row, steady = row_of(factor.source), factor.along or factor.source == FROM_WORK

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
        def fetched(arena, work, data, ints, start, factor, m_start, k_start, here, offsets, registers):
            for e in range(count):
                k, m = place(e)
                registers[e] = zero
                if whole or k < here:
                    registers[e] = element(arena, work, data, ints, start, factor, k + k_start, m + m_start, offsets[e])
                if steady:
                    offsets[e] += np.uint64(here if along else here * factor[1])

        return fetched

    @inner
    def store(registers, shared, buffer):
        for e in range(count):
            k, m = place(e)
            shared[buffer, k, m] = registers[e]

    return find, fetch(False), fetch(True), store


def _multiply(dtype: str, tile: Tile, left: _Factor, right: _Factor, finish: Callable[..., Any]) -> Any:
    """The device function that makes a tile of the product of two factors: where each begins, and its rows' length.

    start: the place of the first row in the epoch's order.
    """
    number, down, across, vector = np.dtype(dtype).type, tile.down, tile.across, tile.vector
    shift, rows, columns = tile.shift, tile.rows, tile.columns
    mask = (1 << shift) - 1
    left_stride, right_stride = rows // down * vector, columns // across * vector
    add_up = _sums(dtype, tile, left, right)

    @inner
    def multiply(arena, work, data, ints, at, step, start, left, right, size):
        sums = cuda.local.array((down, across), number)
        over, under = cuda.threadIdx.x & mask, cuda.threadIdx.x >> shift
        m_start, n_start = cuda.blockIdx.x * rows, cuda.blockIdx.y * columns
        add_up(arena, work, data, ints, start, left, right, size, sums)
        for i in range(down):
            m = m_start + i // vector * left_stride + under * vector + i % vector
            for j in range(across):
                n = n_start + j // vector * right_stride + over * vector + j % vector
                if m < size[0] and n < size[1]:
                    finish(arena, work, data, ints, at, step, m, n, sums[i, j])

    return multiply


@functools.cache
def _sums(dtype: str, tile: Tile, left: _Factor, right: _Factor) -> Any:
    """The device function of the sums of a thread: those of a small block of the tile.

    The first slice is the one that may be short.  While a slice is multiplied the next one is on its way to registers;
    from there it goes to the other one of two buffers, so that the threads wait for each other once a slice.
    """
    number, threads = np.dtype(dtype).type, tile.threads
    rows, columns, depth, down, across = tile.rows, tile.columns, tile.depth, tile.down, tile.across
    lefts, rights = rows * depth // threads, columns * depth // threads
    alignment = None if SIMULATED else 16
    left_width, right_width = rows + tile.vector, columns + tile.vector
    find_left, first_left, fetch_left, store_left = _fetcher(left, dtype, rows, depth, threads)
    find_right, first_right, fetch_right, store_right = _fetcher(right, dtype, columns, depth, threads)
    multiply_slice = _slices(dtype, tile)

    @inner
    def add_up(arena, work, data, ints, start, left, right, size, sums):
        left_tiles = cuda.shared.array((2, depth, left_width), number, alignment=alignment)
        right_tiles = cuda.shared.array((2, depth, right_width), number, alignment=alignment)
        lefts_next, rights_next = cuda.local.array(lefts, number), cuda.local.array(rights, number)
        lefts_at, rights_at = cuda.local.array(lefts, np.uint64), cuda.local.array(rights, np.uint64)
        m_end, n_end, k_end = size
        m_start, n_start = cuda.blockIdx.x * rows, cuda.blockIdx.y * columns
        k_next, buffer = min((k_end - 1) % depth + 1, k_end), 0
        for i in range(down):
            for j in range(across):
                sums[i, j] = number(0)
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
            multiply_slice(left_tiles[buffer], right_tiles[buffer], sums)
            buffer = 1 - buffer
            store_left(lefts_next, left_tiles, buffer)
            store_right(rights_next, right_tiles, buffer)
            cuda.syncthreads()
            k_next += depth
        multiply_slice(left_tiles[buffer], right_tiles[buffer], sums)

    return add_up


@functools.cache
def _outer(dtype: str, tile: Tile) -> Any:
    """The device function that adds a column of the left slice by a row of the right one to a thread's sums."""
    number, down, across, vector = np.dtype(dtype).type, tile.down, tile.across, tile.vector
    shift, mask = tile.shift, (1 << tile.shift) - 1
    left_stride, right_stride = tile.rows // down * vector, tile.columns // across * vector

    @inner
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


def _slices(dtype: str, tile: Tile) -> Any:
    """The device function that adds the product of two slices, some steps of the depth at a time without a loop."""
    depth, together = tile.depth, min(tile.depth, UNROLLED)
    outers = _repeated(_outer(dtype, tile), together)

    @inner
    def multiply_slice(left_tile, right_tile, sums):
        for k in range(0, depth, together):
            outers(left_tile, right_tile, k, sums)

    return multiply_slice


def _repeated(once: Any, count: int) -> Any:
    """The device function that calls another for k, k + 1, ...: without a loop, which would be left as one."""
    if count == 1:
        return once
    half, before = count // 2, _repeated(once, count // 2)

    @inner
    def repeated(left_tile, right_tile, k, sums):
        before(left_tile, right_tile, k, sums)
        before(left_tile, right_tile, k + half, sums)

    return repeated
