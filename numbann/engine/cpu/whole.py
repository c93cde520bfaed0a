"""Gradients that are needed whole: stored in an arena of their own, to be clipped by their norm or given to Python.

What writes them are the same tiles as always, with a kernel in the optimizer's place that stores.
"""

from __future__ import annotations

import numpy as np

from numbann.compile.cpu import update_signature
from numbann.engine.cpu.memory import Arena
from numbann.engine.cpu.table import Op
from numbann.engine.cpu.tables import Move, optimize
from numbann.engine.shared.memory import aligned
from numbann.network.plan import Plan
from numbann.simd import jit, whole


def keep(plan: Plan, gradient: Arena) -> Move:
    """The gradient is stored and that is all."""
    return Move(gradient, {"UPDATE": jit.address(whole.store, plan.dtype, update_signature)})


def clip(plan: Plan, arena: Arena, hyper: np.ndarray) -> Move:
    """The gradient is stored, measured, and scaled down to a norm of at most clip_norm when the optimizer takes it."""
    kept = keep(plan, Arena(plan))
    length = arena.layout.arena
    blocks = -(-length // whole.BLOCK)
    columns = {"D": kept.arena.parameters, "INPUTS": length, "A": aligned(blocks, plan.dtype), "GROUPS": blocks}
    moving = {**columns, "W": arena.address(0), **optimize(plan, arena, hyper).columns}
    measured: Op = (jit.address(whole.sum_squares, plan.dtype), blocks, columns)
    moved: Op = (jit.address(whole.update_clipped, plan.dtype), blocks, moving)
    return Move(kept.arena, kept.columns, [[measured], [moved]])
