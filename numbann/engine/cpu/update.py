"""How a training step uses a gradient: to update the weights at once, or to store it first.

The tiles that compute a gradient are the same either way.  They hand each piece of it to a kernel: the optimizer's, or
one that stores the piece.  A gradient is stored if all of it is needed before a weight changes: to finish it, to clip
its norm, or to give it to an optimizer in Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numbann.compile.cpu import optimizer_kernel, update_signature
from numbann.engine.cpu.memory import Arena
from numbann.engine.cpu.stages import finish
from numbann.engine.cpu.table import Columns, Op
from numbann.engine.shared.alignment import aligned
from numbann.simd import gradient as gradient_kernels
from numbann.simd import groups, jit


@dataclass(frozen=True)
class Update:
    """The use of a gradient: columns that name a kernel (UPDATE) for pieces of `arena`, and the phases after it."""

    arena: Arena
    columns: Columns
    after: Sequence[list[Op]] = ()


def choose_update(arena: Arena, hyper: np.ndarray) -> Update:
    """Update the weights with the optimizer: piece by piece if that is possible, else from a stored gradient."""
    stored, at_once = store_gradient(arena, Arena(arena.plan), hyper), update_at_once(arena, hyper)
    if arena.plan.clip_norm:
        return _clip(arena, stored, at_once)
    if not stored.after:
        return at_once
    return Update(stored.arena, stored.columns, [*stored.after, [sum_and_update(at_once, stored.arena.values[None])]])


def update_at_once(arena: Arena, hyper: np.ndarray) -> Update:
    """Give each piece of the gradient to the optimizer's kernel."""
    plan = arena.plan
    return Update(arena, _columns(arena, optimizer_kernel(plan.optimizer, plan.dtype, plan.extras), hyper))


def store_gradient(arena: Arena, gradient: Arena, hyper: np.ndarray) -> Update:
    """Store the gradient in an arena of its own, and finish it where steps of the network ask for that."""
    store = jit.address(gradient_kernels.store, arena.plan.dtype, update_signature)
    return Update(gradient, _columns(gradient, store, hyper), finish(arena, gradient))


def sum_and_update(update: Update, gradients: np.ndarray) -> Op:
    """Update an arena with the sum of gradients (groups, elements of the arena)."""
    length = update.arena.layout.arena
    columns = {
        "ARENA": update.arena.at(0),
        "LENGTH": length,
        "GROUP_ARENA": gradients,
        "GROUP_STRIDE": gradients.shape[1],
        "GROUPS": len(gradients),
        **update.columns,
    }
    return jit.address(groups.update_sum, update.arena.plan.dtype), -(-length // groups.BLOCK), columns


def _columns(arena: Arena, kernel: int, hyper: np.ndarray) -> Columns:
    """The columns by which an op finds the optimizer's kernel, or one in its place."""
    return {"UPDATE": kernel, "STRIDE": arena.layout.stride, "HYPER": hyper, "HYPER_ROW": hyper.shape[1]}


def _clip(arena: Arena, stored: Update, at_once: Update) -> Update:
    """Measure a stored gradient, and give it to the optimizer scaled to a norm of at most clip_norm."""
    dtype, length = arena.plan.dtype, arena.layout.arena
    blocks = -(-length // gradient_kernels.BLOCK)
    columns: Columns = {
        "GRADIENT": stored.arena.parameters,
        "LENGTH": length,
        "SQUARES": aligned(blocks, dtype),
        "BLOCKS": blocks,
    }
    measure: Op = (jit.address(gradient_kernels.sum_squares, dtype), blocks, columns)
    update_columns = {**columns, "ARENA": arena.at(0), **at_once.columns}
    update: Op = (jit.address(gradient_kernels.update_clipped, dtype), blocks, update_columns)
    return Update(stored.arena, stored.columns, [*stored.after, [measure], [update]])
