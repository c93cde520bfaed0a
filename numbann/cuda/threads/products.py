"""The dense products of a layer as CUDA kernels; what follows a product is done in the same kernel, before it ends.

    forward   h = x w + b        rows of x by columns of w
    delta     dx = d w'          rows of d by rows of w
    gradient  dw, db = x' d      w and b are one matrix of I + 1 rows, and x has a last column of ones

A kernel calls the device function `finish` for each element with its row, its column and its sum.  If the depth is cut
into slices (tiling.py), each slice writes its part of the sums to work, and a second kernel (`sum_parts`) adds the
parts in their order and calls `finish`.  No sum uses atomic additions, whose order changes from run to run.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from numbann.cuda.threads import op
from numbann.cuda.threads.batches import ARENA, DATA, EITHER, FROM_WORK, WORK, batch_rows
from numbann.cuda.threads.device import cuda, inner, kernel, kernel_of
from numbann.cuda.threads.tile import Factor, add_product, clear, emit_sums, locate_sums
from numbann.cuda.threads.tiling import Cut, Tile
from numbann.cuda.threads.updates import RowUpdate


@functools.cache
def locate_slice(cut: Cut | None) -> Any:
    """Make the device function that gives the part of the depth that a block computes: its start and its length."""
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
def store_part(cut: Cut, of_weights: bool) -> Any:
    """Make the device function that stands in for `finish` and stores a slice's part of a sum in work.

    of_weights: the product's rows are those of w and b, not those of a batch.
    """
    slices = cut.slices

    @inner
    def store(arena, work, data, ints, places, step, m, n, total):
        rows = places[op.INPUTS] + 1 if of_weights else ints[op.BATCH]
        place = (cuda.blockIdx.z % slices * rows + m) * places[op.OUTPUTS] + n
        work[places[op.PARTS] + place] = total

    return store


@functools.cache
def sum_parts(finish: Any, dtype: str, cut: Cut, of_weights: bool) -> Any:
    """Make the kernel that sums the parts of each element in their order and calls `finish`.

    The grid's second dimension counts layers, from the launch's layer on.
    """
    zero, slices = np.dtype(dtype).type(0), cut.slices

    @kernel
    def sum_all_parts(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        places = ints[op.HEAD + (layer + cuda.blockIdx.y) * op.WIDTH :]
        outputs, own = places[op.OUTPUTS], places[op.INPUTS] + 1
        apart, rows = (own, own) if of_weights else (ints[op.BATCH], batch_rows(ints, step))
        for i in range(cuda.grid(1), rows * outputs, cuda.gridsize(1)):
            total = zero
            for k in range(slices):
                total += work[places[op.PARTS] + k * apart * outputs + i]
            finish(arena, work, data, ints, places, step, i // outputs, i % outputs, total)

    return sum_all_parts


@functools.cache
def _fill_bias(dtype: str, tile: Tile) -> Any:
    """Make the device function that sets a thread's sums to b, or to 0 in all slices but the first."""
    number, down, across = np.dtype(dtype).type, tile.down, tile.across
    _, column_at = locate_sums(tile)

    @inner
    def begin(arena, places, outputs, sums):
        b = places[op.W] + places[op.INPUTS] * outputs
        for j in range(across):
            value = arena[b + min(column_at(j), outputs - 1)] if cuda.blockIdx.z == 0 else number(0)
            for i in range(down):
                sums[i, j] = value

    return begin


@functools.cache
def _multiply(dtype: str, tile: Tile, left: Factor, right: Factor, begin: Any, finish_all: Any) -> Any:
    """Make the device function that computes a tile of a layer's product, from `begin` to `finish_all`."""
    number, shape, width = np.dtype(dtype).type, (tile.down, tile.across), op.WIDTH
    add_up = add_product(dtype, tile, left, right)

    @inner
    def multiply(arena, work, data, ints, places, step, start, left, right, size):
        sums, read = cuda.local.array(shape, number), cuda.local.array(width, np.int64)
        begin(arena, places, size[1], sums)
        add_up(arena, work, data, ints, start, left, right, size, sums)
        # A copy of the layer's places in registers.  The compiler cannot rule out that writing an element changes ints,
        # and would read them again for each one.
        for k in range(width):
            read[k] = places[k]
        finish_all(arena, work, data, ints, read, step, size, sums)

    return multiply


@functools.cache
def forward(finish: Any, dtype: str, tile: Tile, source: int, cut: Cut | None = None) -> Any:
    """Make the kernel that calls `finish` with each element of h = x w + b."""
    take, part = (finish if cut is None else store_part(cut, False)), locate_slice(cut)
    x = Factor(WORK if source == FROM_WORK else DATA, along=True, source=source)
    multiply = _multiply(dtype, tile, x, Factor(ARENA, along=False), _fill_bias(dtype, tile), emit_sums(tile, take))

    @kernel_of(tile.threads)
    def dense_forward(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        places = ints[op.HEAD + layer * op.WIDTH :]
        rows, inputs, outputs = batch_rows(ints, step), places[op.INPUTS], places[op.OUTPUTS]
        k, depth = part(inputs)
        left, right = (places[op.X] + k, inputs), (places[op.W] + k * outputs, outputs)
        multiply(arena, work, data, ints, places, step, step * ints[op.BATCH], left, right, (rows, outputs, depth))

    return dense_forward


@functools.cache
def delta(finish: Any, dtype: str, tile: Tile, cut: Cut | None = None) -> Any:
    """Make the kernel that calls `finish` with each element of d w', with d and w of the layer above."""
    take, part = (finish if cut is None else store_part(cut, False)), locate_slice(cut)
    multiply = _multiply(
        dtype, tile, Factor(WORK, along=True), Factor(ARENA, along=True), clear(dtype, tile), emit_sums(tile, take)
    )

    @kernel_of(tile.threads)
    def dense_delta(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        places = ints[op.HEAD + layer * op.WIDTH :]
        rows, outputs, above = batch_rows(ints, step), places[op.OUTPUTS], places[op.NEXT_OUTPUTS]
        k, depth = part(above)
        left, right = (places[op.NEXT_D] + k, above), (places[op.NEXT_W] + k, above)
        multiply(arena, work, data, ints, places, step, 0, left, right, (rows, outputs, depth))

    return dense_delta


@functools.cache
def gradient(
    finish: Any, dtype: str, tile: Tile, source: int, cut: Cut | None = None, update: RowUpdate | None = None
) -> Any:
    """Make the kernel that calls `finish` with each element of x' d and, in a last row, of the column sums of d.

    update: if given, it takes all sums of a thread at once, in the place of `finish`.
    """
    multiply, in_work = _make_gradient(finish, dtype, tile, source, cut, update), source == FROM_WORK

    @kernel_of(tile.threads)
    def dense_gradient(arena, work, data, ints, layer, step):
        multiply(arena, work, data, ints, ints[op.HEAD + layer * op.WIDTH :], step + ints[op.BEGUN], in_work)

    return dense_gradient


@functools.cache
def gradients(finish: Any, dtype: str, tile: Tile, cut: Cut | None = None, update: RowUpdate | None = None) -> Any:
    """As `gradient`, for all layers in one launch; the grid's last dimension counts layers and their slices.

    The first layer's rows are looked up in data again: reading their places costs less than writing a copy of the rows.
    """
    multiply, slices = _make_gradient(finish, dtype, tile, EITHER, cut, update), 1 if cut is None else cut.slices
    rows_of_tile, columns_of_tile = tile.rows, tile.columns

    @kernel_of(tile.threads)
    def dense_gradients(arena, work, data, ints, layer, step):
        places, in_work = ints[op.HEAD + (cuda.blockIdx.z // slices) * op.WIDTH :], cuda.blockIdx.z >= slices
        inputs, outputs = places[op.INPUTS], places[op.OUTPUTS]
        if cuda.blockIdx.x * rows_of_tile > inputs or cuda.blockIdx.y * columns_of_tile >= outputs:
            return
        multiply(arena, work, work if in_work else data, ints, places, step + ints[op.BEGUN], in_work)

    return dense_gradients


@functools.cache
def _make_gradient(finish: Any, dtype: str, tile: Tile, source: int, cut: Cut | None, update: RowUpdate | None) -> Any:
    """Make the device function that computes a tile of a layer's gradient.  x has a column of ones, which gives db."""
    x = Factor(WORK if source == FROM_WORK else DATA, along=False, source=source, ones=True)
    take, part = (finish if cut is None else store_part(cut, True)), locate_slice(cut)
    finish_all = update.for_tile(tile) if update is not None and cut is None else emit_sums(tile, take)
    multiply = _multiply(dtype, tile, x, Factor(WORK, along=False), clear(dtype, tile), finish_all)

    @inner
    def of_layer(arena, work, data, ints, places, step, in_work):
        rows, inputs, outputs = batch_rows(ints, step), places[op.INPUTS], places[op.OUTPUTS]
        k, depth = part(rows)
        # in work the rows lie in the order of the batch, which batches.py takes a negative start for
        start = -1 if in_work else step * ints[op.BATCH] + k
        left, right = (
            (places[op.X] + (k * inputs if in_work else 0), inputs),
            (places[op.D] + k * outputs, outputs),
        )
        multiply(arena, work, data, ints, places, step, start, left, right, (inputs + 1, outputs, depth))

    return of_layer
