"""The dense products of a layer as CUDA kernels, with what follows in their last lines.  They know no component.

    forward   h = x w + b        rows of x by columns of w
    delta     dx = d w'          rows of d by rows of w
    gradient  dw, db = x' d      w and b are one matrix of I + 1 rows, and x has a last column of ones

`finish` is called for each element with its row, its column and its sum.  Where a depth is cut (tiling.py),
each slice leaves its part of the sums in work, and another launch adds the parts in their order (`add_parts`).
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
def store_part(cut: Cut, of_weights: bool) -> Any:
    """In the place of `finish`: keep a slice's part of a sum, of a row of a batch or of w and b."""
    slices = cut.slices

    @inner
    def store(arena, work, data, ints, places, step, m, n, total):
        rows = places[op.INPUTS] + 1 if of_weights else ints[op.BATCH]
        place = (cuda.blockIdx.z % slices * rows + m) * places[op.OUTPUTS] + n
        work[places[op.PARTS] + place] = total

    return store


@functools.cache
def sum_parts(finish: Any, dtype: str, cut: Cut, of_weights: bool) -> Any:
    """The kernel that gives the sums of all parts to `finish`; a row of blocks for each layer from the launch's on."""
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
    """The device function that lets a thread's sums begin at b, those of further slices at 0."""
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
    """The device function that makes a tile of a layer's product.

    For what follows it the layer's places are read once: in ints they would be read for each element again, since it
    might have been written there.
    """
    number, shape, width = np.dtype(dtype).type, (tile.down, tile.across), op.WIDTH
    add_up = add_product(dtype, tile, left, right)

    @inner
    def multiply(arena, work, data, ints, places, step, start, left, right, size):
        sums, read = cuda.local.array(shape, number), cuda.local.array(width, np.int64)
        begin(arena, places, size[1], sums)
        add_up(arena, work, data, ints, start, left, right, size, sums)
        for k in range(width):
            read[k] = places[k]
        finish_all(arena, work, data, ints, read, step, size, sums)

    return multiply


@functools.cache
def forward(finish: Any, dtype: str, tile: Tile, source: int, cut: Cut | None = None) -> Any:
    """The kernel that gives x w + b to `finish`; the first slice of a cut has b."""
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
    """The kernel that gives d w' of the layer above to `finish`."""
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
    """The kernel that gives x' d, and below it the sums of d, to `finish`, or all of a thread's to `together`."""
    multiply, in_work = _make_gradient(finish, dtype, tile, source, cut, update), source == FROM_WORK

    @kernel_of(tile.threads)
    def dense_gradient(arena, work, data, ints, layer, step):
        multiply(arena, work, data, ints, ints[op.HEAD + layer * op.WIDTH :], step + ints[op.BEGUN], in_work)

    return dense_gradient


@functools.cache
def gradients(finish: Any, dtype: str, tile: Tile, cut: Cut | None = None, update: RowUpdate | None = None) -> Any:
    """As `gradient` for all layers at once, a layer of blocks for each, or for each of its slices.

    The first layer's rows are found in data once more: to read their places costs less than to write them elsewhere.
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
    """The device function of a tile of a layer's gradient."""
    x = Factor(WORK if source == FROM_WORK else DATA, along=False, source=source, ones=True)
    take, part = (finish if cut is None else store_part(cut, True)), locate_slice(cut)
    finish_all = update.for_tile(tile) if update is not None and cut is None else emit_sums(tile, take)
    multiply = _multiply(dtype, tile, x, Factor(WORK, along=False), clear(dtype, tile), finish_all)

    @inner
    def of_layer(arena, work, data, ints, places, step, in_work):
        rows, inputs, outputs = batch_rows(ints, step), places[op.INPUTS], places[op.OUTPUTS]
        k, depth = part(rows)
        start = -1 if in_work else step * ints[op.BATCH] + k
        left, right = (
            (places[op.X] + (k * inputs if in_work else 0), inputs),
            (places[op.D] + k * outputs, outputs),
        )
        multiply(arena, work, data, ints, places, step, start, left, right, (inputs + 1, outputs, depth))

    return of_layer
