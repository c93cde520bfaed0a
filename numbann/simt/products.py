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
from numbann.simt.device import SIMULATED, cuda, inner, kernel


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
PADDING = 4  # elements after a slice's row, so that the rows of a column lie in several banks


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


FROM_WORK, IN_ORDER, SHUFFLED = (
    0,
    1,
    2,
)  # where x is: rows of work, or rows of data, as they lie or in the epoch's order
ARENA, WORK, DATA = 0, 1, 2


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

    return (in_work, in_order, shuffled)[source]


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

    @kernel
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

    @kernel
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
    multiply = _gradient(finish, dtype, tile, source, cut)

    @kernel
    def dense_gradient(arena, work, data, ints, layer, step):
        multiply(arena, work, data, ints, op.HEAD + layer * op.WIDTH, step + ints[op.BEGUN])

    return dense_gradient


@functools.cache
def gradients(finish: Any, dtype: str, tile: Tile, cut: Cut | None = None) -> Any:
    """As `gradient` for all layers at once, a layer of blocks for each, or for each of its slices.

    The first layer's rows are found in data once more: to read their places costs less than to write them elsewhere.
    """
    multiply_first = _gradient(finish, dtype, tile, SHUFFLED, cut)
    multiply = _gradient(finish, dtype, tile, FROM_WORK, cut)
    rows_of_tile, columns_of_tile, slices = tile.rows, tile.columns, 1 if cut is None else cut.slices

    @kernel
    def dense_gradients(arena, work, data, ints, layer, step):
        at = op.HEAD + cuda.blockIdx.z // slices * op.WIDTH
        inputs, outputs = ints[at + op.INPUTS], ints[at + op.OUTPUTS]
        if cuda.blockIdx.x * rows_of_tile > inputs or cuda.blockIdx.y * columns_of_tile >= outputs:
            return
        if cuda.blockIdx.z < slices:
            multiply_first(arena, work, data, ints, at, step + ints[op.BEGUN])
        else:
            multiply(arena, work, data, ints, at, step + ints[op.BEGUN])

    return dense_gradients


@functools.cache
def _gradient(finish: Any, dtype: str, tile: Tile, source: int, cut: Cut | None) -> Any:
    """The device function of a tile of a layer's gradient."""
    x = _Factor(WORK if source == FROM_WORK else DATA, along=False, source=source, ones=True)
    take, part = (finish if cut is None else keep_part(cut, True)), slice_of(cut)
    multiply, from_work = _multiply(dtype, tile, x, _Factor(WORK, along=False), take), source == FROM_WORK

    @inner
    def of_layer(arena, work, data, ints, at, step):
        rows, inputs, outputs = batch_rows(ints, step), ints[at + op.INPUTS], ints[at + op.OUTPUTS]
        k, depth = part(rows)
        start, x_start = step * ints[op.BATCH] + k, ints[at + op.X] + (k * inputs if from_work else 0)
        left, right = (x_start, inputs), (ints[at + op.D] + k * outputs, outputs)
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
def _fetcher(factor: _Factor, dtype: str, length: int, depth: int, threads: int) -> tuple[Any, Any]:
    """Device functions: a thread's share of a slice of a factor, length x depth, to registers, and from there on."""
    number = np.dtype(dtype).type
    zero, one = number(0), number(1)
    count, along, ones, array, row = (
        length * depth // threads,
        factor.along,
        factor.ones,
        factor.array,
        row_of(factor.source),
    )

    @inner
    def place(element):
        """The place (k, m) of an element, so that neighbours lie side by side in the factor's rows."""
        if along:
            return element % depth, element // depth
        return element // length, element % length

    @inner
    def fetch(arena, work, data, ints, start, factor, m_start, m_end, k_start, k_end, registers):
        for e in range(count):
            k, m = place(cuda.threadIdx.x + e * threads)
            k, m = k + k_start, m + m_start
            value = zero
            if k < k_end and m < m_end:
                r, column = (m, k) if along else (k, m)
                if ones and column == factor[1]:
                    value = one
                else:
                    at = factor[0] + row(ints, start, r) * factor[1] + column
                    value = arena[at] if array == ARENA else (work[at] if array == WORK else data[at])
            registers[e] = value

    @inner
    def store(registers, shared):
        for e in range(count):
            k, m = place(cuda.threadIdx.x + e * threads)
            shared[k, m] = registers[e]

    return fetch, store


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
    """The device function of the sums of a thread: those of a small block of the tile."""
    number, threads = np.dtype(dtype).type, tile.threads
    rows, columns, depth, down, across = tile.rows, tile.columns, tile.depth, tile.down, tile.across
    lefts, rights = rows * depth // threads, columns * depth // threads
    shift, vector = tile.shift, tile.vector
    mask = (1 << shift) - 1
    alignment = None if SIMULATED else 16
    left_stride, right_stride = rows // down * vector, columns // across * vector
    left_width, right_width = rows + PADDING, columns + PADDING
    fetch_left, store_left = _fetcher(left, dtype, rows, depth, threads)
    fetch_right, store_right = _fetcher(right, dtype, columns, depth, threads)

    @inner
    def add_up(arena, work, data, ints, start, left, right, size, sums):
        left_tile = cuda.shared.array((depth, left_width), number, alignment=alignment)
        right_tile = cuda.shared.array((depth, right_width), number, alignment=alignment)
        lefts_next, rights_next = cuda.local.array(lefts, number), cuda.local.array(rights, number)
        x, y = cuda.local.array(down, number), cuda.local.array(across, number)
        over, under = cuda.threadIdx.x & mask, cuda.threadIdx.x >> shift
        m_end, n_end, k_end = size
        m_start, n_start = cuda.blockIdx.x * rows, cuda.blockIdx.y * columns
        for i in range(down):
            for j in range(across):
                sums[i, j] = number(0)
        fetch_left(arena, work, data, ints, start, left, m_start, m_end, 0, k_end, lefts_next)
        fetch_right(arena, work, data, ints, start, right, n_start, n_end, 0, k_end, rights_next)
        for k_next in range(depth, k_end + depth, depth):
            cuda.syncthreads()
            store_left(lefts_next, left_tile)
            store_right(rights_next, right_tile)
            cuda.syncthreads()
            fetch_left(arena, work, data, ints, start, left, m_start, m_end, k_next, k_end, lefts_next)
            fetch_right(arena, work, data, ints, start, right, n_start, n_end, k_next, k_end, rights_next)
            for k in range(depth):
                for i in range(down):
                    x[i] = left_tile[k, i // vector * left_stride + under * vector + i % vector]
                for j in range(across):
                    y[j] = right_tile[k, j // vector * right_stride + over * vector + j % vector]
                for i in range(down):
                    for j in range(across):
                        sums[i, j] += x[i] * y[j]

    return add_up
