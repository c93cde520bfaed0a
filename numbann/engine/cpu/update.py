"""How a training step uses a gradient: to update the weights at once, or to store it first.

The tiles that compute a gradient are the same either way.  They hand each piece of it to a kernel: the optimizer's, or
one that stores the piece.  A gradient is stored if all of it is needed before a weight changes: to finish it, to clip
its norm, or to give it to an optimizer in Python.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from numbann.compile.named import cpu
from numbann.components.parameter import PLAIN, Tuning
from numbann.engine.cpu.memory import Arena
from numbann.engine.cpu.stages import finish, finishing, round_weights
from numbann.engine.cpu.table import Columns, Op
from numbann.engine.cpu.wanted import Kernel, component_kernel, want
from numbann.engine.shared.alignment import aligned
from numbann.records import dataclass
from numbann.simd.named import gradient as gradient_kernels
from numbann.simd.named import groups
from numbann.simd.sizes import BLOCK

Hyper = Mapping[Tuning, np.ndarray]  # the optimizer's numbers of each step, for each way of training


@dataclass(frozen=True)
class Update:
    """The use of a gradient: columns that name a kernel (UPDATE) for pieces of `arena`, and the phases after it."""

    arena: Arena
    columns: Columns
    hyper: Hyper
    after: Sequence[list[Op]] = ()

    def of(self, tuning: Tuning) -> Columns:
        """The columns for what is trained in some way."""
        return {**self.columns, "HYPER": self.hyper[tuning]}

    def runs(self) -> Iterator[tuple[int, int, Columns]]:
        """The arena in as few runs as there can be, each trained in one way: first element, length, columns."""
        layout, tuning = self.arena.layout, self.arena.plan.tuning
        starts = {f"layers.{k}.weight": place.weights for k, place in enumerate(layout.layers)}
        starts |= {name: place.start for name, place in layout.vectors.items()}
        ordered = itertools.groupby(sorted(tuning, key=starts.__getitem__), key=tuning.__getitem__)
        begun = [(starts[next(run)], way) for way, run in ordered]
        ends = [*(start for start, _ in begun[1:]), layout.arena]
        for (start, way), end in zip(begun, ends, strict=True):
            yield start, end - start, self.of(way)


def choose_update(arena: Arena, hyper: Hyper) -> Update:
    """Update the weights with the optimizer: piece by piece if that is possible, else from a stored gradient."""
    at_once = update_at_once(arena, hyper)
    if not (arena.plan.clip_norm or finishing(arena.plan)):
        return at_once
    stored = store_gradient(arena, Arena(arena.plan), hyper)
    if arena.plan.clip_norm:
        return _clip(arena, stored, at_once)
    updates = sum_and_update(at_once, stored.arena.values[None])
    return replace(stored, after=[*stored.after, updates, *round_weights(arena), *at_once.after])


def update_at_once(arena: Arena, hyper: Hyper) -> Update:
    """Give each piece of the gradient to the optimizer's kernel."""
    plan = arena.plan
    optimizer = plan.optimizer
    kernel = component_kernel(cpu.update_kernel, optimizer.component, plan.dtype, optimizer.stored_states, plan.extras)
    columns = _columns(arena, kernel, hyper)
    return Update(arena, columns, hyper, _keep_within(arena))


def store_gradient(arena: Arena, gradient: Arena, hyper: Hyper) -> Update:
    """Store the gradient in an arena of its own, and finish it where steps of the network ask for that."""
    store = want(gradient_kernels.store, arena.plan.dtype)
    return Update(gradient, _columns(gradient, store, hyper), hyper, finish(arena, gradient))


def sum_and_update(update: Update, gradients: np.ndarray) -> list[Op]:
    """Update an arena with the sum of gradients (a power of 2 of them, elements of the arena)."""
    kernel = want(groups.update_sum, update.arena.plan.dtype)
    given = {"GROUP_STRIDE": gradients.shape[1], "GROUPS": len(gradients)}
    return [
        (
            kernel,
            -(-length // BLOCK),
            {
                "ARENA": update.arena.at(start),
                "LENGTH": length,
                "GROUP_ARENA": gradients[0, start:],
                **given,
                **columns,
            },
        )
        for start, length, columns in update.runs()
    ]


def _columns(arena: Arena, kernel: Kernel, hyper: Hyper) -> Columns:
    """The columns by which an op finds the optimizer's kernel, or one in its place."""
    plain = hyper[PLAIN]
    return {"UPDATE": kernel, "STRIDE": arena.layout.stride, "HYPER": plain, "HYPER_ROW": plain.shape[1]}


def _keep_within(arena: Arena) -> list[list[Op]]:
    """The phase that keeps vectors within their bounds, and those that predict, which lie one stride before them."""
    plan = arena.plan
    stride = -arena.layout.stride if plan.apart else 0
    ops: list[Op] = []
    for vector in (vector for vector in plan.vectors if vector.bounded):
        place, bounds = arena.layout.vectors[vector.name], np.array([vector.low, vector.high], plan.dtype)
        given: Columns = {"MOVED_VECTOR": arena.at(place.start), "LENGTH": place.size, "STRIDE": stride}
        ops.append((want(gradient_kernels.keep_within, plan.dtype), 1, {**given, "PARAMETERS": bounds}))
    return [ops] if ops else []


def _clip(arena: Arena, stored: Update, at_once: Update) -> Update:
    """Measure a stored gradient, and give it to the optimizer scaled to a norm of at most clip_norm."""
    dtype, length = arena.plan.dtype, arena.layout.arena
    blocks = -(-length // BLOCK)
    columns: Columns = {
        "GRADIENT": stored.arena.parameters,
        "LENGTH": length,
        "SQUARES": aligned(blocks, dtype),
        "BLOCKS": blocks,
    }
    measure: Op = (want(gradient_kernels.sum_squares, dtype), blocks, columns)
    kernel, whole = want(gradient_kernels.update_clipped, dtype), stored.arena
    updates: list[Op] = []
    for start, run, own in at_once.runs():
        part = {**columns, "ARENA": arena.at(start), "GRADIENT": whole.at(start), "LENGTH": run, **own}
        updates.append((kernel, -(-run // BLOCK), part))
    return replace(stored, after=[*stored.after, [measure], updates, *round_weights(arena), *at_once.after])
