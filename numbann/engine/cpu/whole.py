"""What becomes of gradients.  Those that are needed whole are stored in an arena of their own: to be finished, to be
clipped by their norm, or to be given to Python.

What writes them are the same tiles as always, with a kernel in the optimizer's place that stores.
"""

from __future__ import annotations

import numpy as np

from numbann.compile.cpu import update_signature
from numbann.engine.cpu.memory import Arena
from numbann.engine.cpu.stages import finish
from numbann.engine.cpu.table import Columns, Op
from numbann.engine.cpu.tables import Move, optimize, updating
from numbann.engine.shared.memory import aligned
from numbann.simd import groups, jit, whole


def moving(arena: Arena, hyper: np.ndarray) -> Move:
    """The optimizer moves the weights: piece by piece, or where that is needed when all of the gradient is there."""
    kept, optimizing = keep(arena, Arena(arena.plan), hyper), optimize(arena, hyper)
    if arena.plan.clip_norm:
        return clip(arena, kept, optimizing)
    if not kept.after:
        return optimizing
    moved = update_sum(optimizing, kept.arena.values[np.newaxis])
    return Move(kept.arena, kept.columns, [*kept.after, [moved]])


def keep(arena: Arena, gradient: Arena, hyper: np.ndarray) -> Move:
    """The gradient is stored, and finished where steps of the network ask for it."""
    store = jit.address(whole.store, arena.plan.dtype, update_signature)
    return Move(gradient, updating(gradient, store, hyper), finish(arena, gradient))


def clip(arena: Arena, kept: Move, optimizing: Move) -> Move:
    """A stored gradient is measured, and scaled down to a norm of at most clip_norm when the optimizer takes it."""
    dtype, length = arena.plan.dtype, arena.layout.arena
    blocks = -(-length // whole.BLOCK)
    columns: Columns = {
        "GRADIENT": kept.arena.parameters,
        "LENGTH": length,
        "SQUARES": aligned(blocks, dtype),
        "BLOCKS": blocks,
    }
    moved = {**columns, "ARENA": arena.at(0), **optimizing.columns}
    measure: Op = (jit.address(whole.sum_squares, dtype), blocks, columns)
    move: Op = (jit.address(whole.update_clipped, dtype), blocks, moved)
    return Move(kept.arena, kept.columns, [*kept.after, [measure], [move]])


def update_sum(move: Move, gradients: np.ndarray) -> Op:
    """What moves an arena by the sum of gradients (groups, elements of the arena)."""
    length = move.arena.layout.arena
    columns = {
        "ARENA": move.arena.at(0),
        "LENGTH": length,
        "GROUP_ARENA": gradients,
        "GROUP_STRIDE": gradients.shape[1],
        "GROUPS": len(gradients),
        **move.columns,
    }
    return jit.address(groups.update_sum, move.arena.plan.dtype), -(-length // groups.BLOCK), columns
