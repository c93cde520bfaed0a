"""Gradients that are needed whole: stored in an arena of their own, to be clipped by their norm or given to Python.

What writes them are the same tiles as always, with a kernel in the optimizer's place that stores.
"""

from __future__ import annotations

import numpy as np

from numbann.compile.cpu import update_signature
from numbann.engine.cpu.memory import Arena
from numbann.engine.cpu.table import Columns, Op
from numbann.engine.cpu.tables import Move, optimize, updating
from numbann.engine.shared.memory import aligned
from numbann.network.plan import Plan
from numbann.simd import jit, whole


def keep(plan: Plan, gradient: Arena, hyper: np.ndarray) -> Move:
    """The gradient is stored and that is all."""
    return Move(gradient, updating(gradient, jit.address(whole.store, plan.dtype, update_signature), hyper))


def clip(plan: Plan, arena: Arena, hyper: np.ndarray) -> Move:
    """The gradient is stored, measured, and scaled down to a norm of at most clip_norm when the optimizer takes it."""
    kept = keep(plan, Arena(plan), hyper)
    length = arena.layout.arena
    blocks = -(-length // whole.BLOCK)
    columns: Columns = {
        "GRADIENT": kept.arena.parameters,
        "LENGTH": length,
        "SQUARES": aligned(blocks, plan.dtype),
        "BLOCKS": blocks,
    }
    moving = {**columns, "ARENA": arena.at(0), **optimize(plan, arena, hyper).columns}
    measured: Op = (jit.address(whole.sum_squares, plan.dtype), blocks, columns)
    moved: Op = (jit.address(whole.update_clipped, plan.dtype), blocks, moving)
    return Move(kept.arena, kept.columns, [[measured], [moved]])
