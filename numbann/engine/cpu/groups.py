"""The table of a training step for huge batches: a fixed number of groups of rows, each with a gradient of its own.

Phase 1 takes each group through the whole network, a chunk of rows at a time.  Phase 2 sums the groups' gradients as a
binary tree and updates the weights.  Buffers are as long as a chunk, so a batch may be as large as the data.  Where
there are ranks, each takes some of the groups, which are one branch of the tree; ranks.py has what comes after that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from numbann.engine.cpu.builder import Builder
from numbann.engine.cpu.memory import Arena
from numbann.engine.cpu.moving import Moving
from numbann.engine.cpu.operands import Operands
from numbann.engine.cpu.stages import begin, round_weights
from numbann.engine.cpu.table import Columns, Op, Slot, Table, assemble
from numbann.engine.cpu.update import Update, sum_and_update
from numbann.engine.cpu.wanted import want
from numbann.network.steps.step import SHARED
from numbann.simd import op
from numbann.simd.named import groups

HUGE = 1024  # rows from which a batch goes by groups
CHUNK = 64  # rows that go through the network together, and stay in the first-level cache
# The number of groups decides the order of the sums, so it may depend on the network and the batch, never on threads or
# ranks.  Every group has an arena for its gradient, which is summed in each step: large networks get fewer groups,
# unless a batch has so many rows that the sum takes little of the step, and memory for them is not much
GROUPS, FEW_GROUPS, LARGE_ARENA = 16, 4, 1 << 20
MANY_ROWS, MUCH = 512, 1 << 28  # rows for each group of a large network; numbers in all groups' gradients


def count_groups(length: int, batch: int) -> int:
    """The number of groups, a power of 2, for an arena of this length and batches of so many rows."""
    if length < LARGE_ARENA:
        return GROUPS
    most = min(batch // MANY_ROWS, MUCH // length)
    return min(GROUPS, max(FEW_GROUPS, 1 << most.bit_length() >> 1))


def build_grouped_training(
    arena: Arena,
    update: Update,
    threads: int,
    gradients: np.ndarray,
    slots: Collection[str] = (),
    moving: Moving | None = None,
) -> Table:
    """The table of a training step by groups.  gradients: (groups, elements of the arena).

    slots, moving: as of operands.
    """
    count = len(gradients)
    phases = update_phases(arena, update, gradients)
    return assemble_pass(arena, threads, gradients, range(count), count, phases, slots, moving)


def update_phases(arena: Arena, update: Update, gradients: np.ndarray) -> list[list[Op]]:
    """The phases that sum gradients and update an arena with the sum."""
    rounded = round_weights(arena) if update.arena is arena else []
    return [sum_and_update(update, gradients), *rounded, *update.after]


def assemble_pass(
    arena: Arena,
    threads: int,
    gradients: np.ndarray,
    own: range,
    count: int,
    phases: Sequence[Sequence[Op]],
    slots: Collection[str],
    moving: Moving | None,
) -> Table:
    """The table of the phase that takes some of the `count` groups through the network, and of the phases after it."""
    workers = [Builder(Operands(arena, CHUNK, training=True, slots=slots, moving=moving)) for _ in range(threads)]
    ops = [_chunk_ops(worker, gradients) for worker in workers]
    columns: Columns = {
        "OPS": Slot("ops"),
        "OP_COUNT": len(ops[0]),
        "OPS_STRIDE": len(ops[0]) * op.WIDTH,
        "GROUPS": count,
        "FIRST_GROUP": own.start,
        "GROUP_ARENA": gradients,
        "GROUP_STRIDE": gradients.shape[1],
        "CHUNK": CHUNK,
    }
    passing: Op = (want(groups.pass_groups, arena.plan.dtype), len(own), columns)
    first = [*begin(workers[0].operands), passing]
    table = assemble([first, *phases], apart=[row for one in ops for row in one], workers=workers)
    table.bind(ops=table.ops[-sum(map(len, ops)) :])
    return table


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
