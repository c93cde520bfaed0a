"""The ops of a step's last phase, over weights: pieces of gradients, each given to the optimizer or stored at once.

Layers that threads have shared by rows are one list of pieces here, of which each thread takes a part in a row.  So it
works on few layers, and reads few of the rows that other threads have written: the phase waits for their cache lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from numbann.engine.cpu.memory import Arena
from numbann.engine.cpu.operands import Operands
from numbann.engine.cpu.table import Columns, Op
from numbann.engine.cpu.update import Update
from numbann.network.steps.step import SHARED
from numbann.simd.named import dense, rounding, sweep
from numbann.simd.sizes import PANEL

# Rows of a layer's gradient that are computed and applied at once, by 64 columns 24 KB in float32, which the optimizer
# then finds in the first-level cache; and the height of a tile, of which a unit has a whole number
UNIT, TILE = 96, 6
FAR = 2 << 20  # bytes of weights and states from which on no second-level cache keeps them from step to step
EACH = 3  # units, at the least, that each of several threads gets of layers that are shared out as one list

Works = tuple[Op, np.ndarray]  # an op, and the work that each of its units is


def update_ops(operands: Operands, update: Update, by_panels: Sequence[bool], threads: int) -> list[Op]:
    """The ops over what all layers train.  by_panels: the layers of which each thread keeps to its own panels."""
    layout = operands.layout
    places = list(enumerate(layout.layers))
    widths = [min(place.columns, PANEL * layout.lanes) for _, place in places]
    work = sum(place.inputs * place.columns for k, place in places if not by_panels[k])
    own = [(k, _equal_rows(place.panels * place.inputs, threads)) for k, place in places if by_panels[k]]
    most = work if threads == 1 else work // (EACH * threads)
    dealt = [(k, _few_rows(most // widths[k])) for k, _ in places if not by_panels[k]]
    ops = [op for k, unit in own for op, _ in _layer_ops(operands, update, k, unit, widths[k])]
    works = [one for k, unit in dealt for one in _layer_ops(operands, update, k, unit, widths[k])]
    return [*ops, *_deal(works, threads)]


def _equal_rows(rows: int, threads: int) -> int:
    """The rows of a unit: at most UNIT, and few enough to give every thread the same number of units."""
    pieces = -(-rows // (UNIT * threads)) * threads
    return -(-rows // (pieces * TILE)) * TILE


def _few_rows(most: int) -> int:
    """The rows of a unit: whole tiles, `most` rows if that is neither less than a tile nor more than UNIT."""
    return min(UNIT, max(TILE, most // TILE * TILE))


def _deal(works: Sequence[Works], threads: int) -> Iterator[Op]:
    """The ops, with the borders between threads' units, all units in a row being cut into parts of about equal work."""
    if not works:
        return
    work = np.concatenate([each for _, each in works])
    owners = (work.cumsum() - work / 2) * threads // work.sum()
    for (kernel, units, columns), _ in works:
        own, owners = np.split(owners, [units])
        borders = np.searchsorted(own, np.arange(threads + 1))
        yield kernel, units, {**columns, "BORDERS": borders.astype(np.int64)}


def _ahead(operands: Operands, arena: Arena, k: int) -> Columns:
    """Weights and states that a tile of their gradient asks for, spread over its depth, where they lie far away."""
    layout, depth = arena.layout, len(operands.counted)
    depth = -(-depth // 2) if operands.rounds else depth
    if arena.values.nbytes < FAR or layout.layers[k].columns < PANEL * layout.lanes:
        return {"AHEAD_SWEEP": 0, "AHEAD": np.zeros(depth, np.int64)}
    lines, arrays = TILE * PANEL, len(arena.values) // layout.stride
    line = np.arange(depth) * lines * arrays // max(depth, lines * arrays)
    places = line // lines * layout.stride + line % lines * layout.lanes
    return {"AHEAD_SWEEP": operands.product_kernel(sweep.ahead_4), "AHEAD": places}


def _layer_ops(operands: Operands, update: Update, k: int, unit: int, width: int) -> Iterator[Works]:
    """The ops over what a layer trains; a unit is `unit` rows of a panel of w, or a part of a vector."""
    layer, place, vectors = operands.plan.layers[k], operands.layout.layers[k], operands.layout.vectors
    product, panels = layer.product, place.panels
    rows = np.diff([*range(0, place.inputs, unit), place.inputs])
    moved: Columns = {"MOVED_VECTOR": update.arena.at(vectors[f"layers.{k}.bias"].start)}
    given: Columns = {
        "MOVED_W": update.arena.at(place.weights),
        "UNIT": unit,
        **update.of(product.tuning),
        **_ahead(operands, update.arena, k),
    }
    if product.tuning == product.bias_tuning and not operands.rounds:
        columns, work = {**operands.gradient(k), **given, **moved}, np.tile([*rows, 1], panels)
        yield (operands.kernel(dense.dense_update), len(work), columns), width * work
    else:
        rounds = operands.rounds and update.arena is operands.arena
        pairs = update.arena.pairs_of(k) if rounds else {}
        columns, work = {**operands.weights_gradient(k), **given, **pairs}, np.tile(rows, panels)
        moves = rounding.weights_update if rounds else dense.weights_update
        yield (operands.product_kernel(moves), len(work), columns), width * work
        columns = {**operands.bias_gradient(k), **update.of(product.bias_tuning), **moved}
        yield (operands.kernel(dense.vector_update), panels, columns), np.full(panels, width)
    for vector in layer.sloped:
        moved = {"MOVED_VECTOR": update.arena.at(vectors[vector.name].start)}
        columns = {**operands.vector_gradient(k, vector), **update.of(vector.tuning), **moved}
        shared = vector.gradient == SHARED
        kernel, units = (
            (dense.shared_update, 1) if shared else (dense.vector_update, operands.layout.panels(vector.size))
        )
        yield (operands.kernel(kernel), units, columns), np.full(units, width)
