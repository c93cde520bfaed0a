"""A look into a network between epochs: the slope of every unit and the loss's gradient on some rows.

The gradient is that of the training step by groups, here with one group.  Buffers hold all rows at once, so that slopes
can be read from them: the activations' own backward kernels turn ones into slopes.  No weight changes.
"""

from __future__ import annotations

import numpy as np

from numbann.engine.cpu.builder import Builder, merge_phases
from numbann.engine.cpu.groups import add_gradients
from numbann.engine.cpu.memory import Arena
from numbann.engine.cpu.operands import Operands
from numbann.engine.cpu.runner import Call, Runner
from numbann.engine.cpu.stages import finish
from numbann.engine.cpu.table import Op, assemble
from numbann.engine.interface import LayerFacts
from numbann.engine.shared.batches import Grouping, equal_bounds
from numbann.engine.shared.weighting import Shares
from numbann.network.plan import Plan

BOUND = {"x", "target", "row_loss", "shares", "extents"}  # the slots that a probe fills


class Probe:
    """The tables for a look at `rows` rows, over the weights of an arena."""

    def __init__(self, plan: Plan, arena: Arena, runner: Runner, rows: int, weighted: bool, threads: int) -> None:
        self._plan, self._runner, self._threads, self._count = plan, runner, threads, rows
        self._gradient = Arena(plan, 0)
        slots = ["shares"] * weighted + ["extents"] * plan.by_groups
        self._builder = builder = Builder(Operands(arena, rows, training=False, slots=slots))
        self._forward = self._call(builder.forward_all())
        slopes = {k: builder.slopes(k) for k in range(len(plan.layers))}
        self._slopes = {k: self._call(ops) for k, ops in slopes.items() if ops}
        whole = self._gradient.values[np.newaxis]
        back = [*builder.before_loss(), (False, [builder.loss()]), *builder.back()]
        sums = [add_gradients(builder, whole), *finish(arena, self._gradient)]
        self._backward = self._call(*merge_phases(back), *sums)

    def look(
        self, x: np.ndarray, t: np.ndarray, weight: np.ndarray | None, group: np.ndarray | None
    ) -> list[LayerFacts]:
        """The facts of every layer for rows x (B, I), their targets as kernels read them, and weights and groups."""
        arrays = {} if weight is None else {"shares": self._shares(weight)}
        if self._plan.by_groups:
            grouping = Grouping(np.zeros(self._count, np.int64) if group is None else group, self._count)
            order = np.empty(self._count, np.int64)
            grouping.draw(order, 0, 0)
            arrays = {**{name: array[order] for name, array in arrays.items()}, "extents": grouping.extents}
            x, t = x[order], t[order]
        losses = np.empty(self._count, self._plan.dtype)
        self._gradient.values[:] = 0
        for call in (self._forward, self._backward):
            call.table.bind(x=x, target=t, row_loss=losses, **arrays)
        self._run(self._forward)
        slopes = {k: self._slope(k, call) for k, call in self._slopes.items()}
        self._run(self._backward)
        found = self._gradient.tensors()
        layers = [f"layers.{k}" for k in range(len(self._plan.layers))]
        return [LayerFacts(slopes.get(k), found[f"{n}.weight"], found[f"{n}.bias"]) for k, n in enumerate(layers)]

    def _shares(self, weight: np.ndarray) -> np.ndarray:
        """Each row's share of the loss."""
        shares = Shares(weight, equal_bounds(self._count, self._count), self._plan.dtype)
        shares.follow(np.arange(self._count))
        return shares.values

    def _slope(self, k: int, call: Call) -> np.ndarray:
        """da/dz (B, O) of a layer: its derivative's kernel on a d of ones."""
        d = self._builder.operands.rows[k].d[:, : self._plan.layers[k].outputs]
        d[:] = 1
        self._run(call)
        return d.copy()

    def _call(self, *phases: list[Op]) -> Call:
        table = assemble(list(phases), builder=self._builder)
        assert {slot for slot, *_ in table.slots} <= BOUND, "a slot would stay empty"
        call = self._runner.call(table, self._threads, self._count)
        call.rows(self._count)
        return call

    def _run(self, call: Call) -> None:
        self._runner.run(call, 0, 1)
