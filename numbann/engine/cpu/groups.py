"""The table of a training step for huge batches: a fixed number of groups of rows, each with a gradient of its own.

Phase 1 takes each group through the whole network, a chunk of rows at a time.  Phase 2 sums the groups' gradients in
order and updates the weights.  Buffers are as long as a chunk, so a batch may be as large as the data.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from numbann.engine.cpu.builder import Builder
from numbann.engine.cpu.memory import Arena
from numbann.engine.cpu.moving import Moving
from numbann.engine.cpu.operands import Operands
from numbann.engine.cpu.stages import begin, round_weights
from numbann.engine.cpu.table import Columns, Op, Slot, Table, assemble
from numbann.engine.cpu.update import Update, sum_and_update
from numbann.engine.shared.alignment import aligned
from numbann.network.chain import SHARED
from numbann.simd import op
from numbann.simd.named import groups
from numbann.simd.objects import address

HUGE = 1024  # rows from which a batch goes by groups
CHUNK = 64  # rows that go through the network together, and stay in the first-level cache
# The number of groups decides the order of the sums, so it may depend on the network, never on threads.  Every group
# has an arena for its gradient: large networks get fewer groups
GROUPS, FEW_GROUPS, LARGE_ARENA = 16, 4, 1 << 20


def build_grouped_training(
    arena: Arena, update: Update, threads: int, slots: Collection[str] = (), moving: Moving | None = None
) -> Table:
    """The table of a training step by groups.  slots, moving: as of operands."""
    count = GROUPS if arena.layout.arena < LARGE_ARENA else FEW_GROUPS
    gradients = aligned((count, arena.layout.stride), arena.plan.dtype)
    workers = [Builder(Operands(arena, CHUNK, training=True, slots=slots, moving=moving)) for _ in range(threads)]
    ops = [_chunk_ops(worker, gradients) for worker in workers]
    first = [*begin(workers[0].operands), _pass(arena.plan.dtype, count, len(ops[0]))]
    rounded = round_weights(arena) if update.arena is arena else []
    table = assemble(
        [first, sum_and_update(update, gradients), *rounded, *update.after],
        apart=[row for one in ops for row in one],
        workers=workers,
        update=update,
    )
    table.bind(ops=table.ops[-sum(map(len, ops)) :])
    return table


def _pass(dtype: str, count: int, ops: int) -> Op:
    """The op that takes groups of rows through the ops of a thread."""
    columns: Columns = {
        "OPS": Slot("ops"),
        "OP_COUNT": ops,
        "OPS_STRIDE": ops * op.WIDTH,
        "GROUPS": count,
        "CHUNK": CHUNK,
    }
    return address(groups.pass_groups, dtype), count, columns


def _chunk_ops(worker: Builder, gradients: np.ndarray) -> list[Op]:
    """A thread's ops on a chunk of rows: forward, loss, backward, and the chunk's gradient."""
    return [*worker.forward_all(), worker.loss(), *worker.backward_all(), *add_gradients(worker, gradients)]


def add_gradients(worker: Builder, gradients: np.ndarray) -> list[Op]:
    """The ops that add a chunk's gradient to that of its group; gradients: (groups, elements of the arena)."""
    ops: list[Op] = []
    operands, vectors, stride = worker.operands, worker.layout.vectors, {"GROUP_STRIDE": gradients.shape[1]}
    for k, (layer, place) in enumerate(zip(worker.plan.layers, worker.layout.layers, strict=True)):
        begun = {
            "GROUP_W": gradients[0, place.weights :],
            "GROUP_VECTOR": gradients[0, vectors[f"layers.{k}.bias"].start :],
        }
        if operands.rounds:
            columns: Columns = {**operands.weights_gradient(k), **begun, **stride}
            ops.append((operands.product_kernel(groups.add_weights_gradient), place.panels, columns))
            columns = {**operands.bias_gradient(k), **begun, **stride}
            ops.append((operands.kernel(groups.add_vector), place.panels, columns))
        else:
            columns = {**operands.gradient(k), **begun, **stride}
            ops.append((operands.kernel(groups.add_gradient), place.panels, columns))
        for vector in layer.sloped:
            begun = {"GROUP_VECTOR": gradients[0, vectors[vector.name].start :]}
            columns = {**operands.vector_gradient(k, vector), **begun, **stride}
            shared = vector.gradient == SHARED
            kernel = operands.kernel(groups.add_shared if shared else groups.add_vector)
            ops.append((kernel, 1 if shared else worker.layout.panels(vector.size), columns))
    return ops
