"""The table of phases: what a training step or an evaluation does, as ops that the driver calls.  It calls none itself.

The first phases go forward through all layers, to the loss, and with the deltas back down.  The last goes over weights:
a piece of a layer's gradient and at once the optimizer on it.  A barrier ends each phase.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from numbann.compile import cpu
from numbann.components.component import Configured
from numbann.engine.cpu import stages
from numbann.engine.cpu.memory import Arena, layer_rows
from numbann.engine.cpu.table import Op, Slot, Step, Table, assembled
from numbann.engine.shared.memory import aligned
from numbann.network.plan import ITEMSIZE, NORM, Layer, Plan
from numbann.simd import dense, jit, scaling
from numbann.simd.sweep import DEPTH, PANEL, ROWS, sweep_addresses

GRAIN = 2  # rows are dealt out to threads in pairs, which any tile does at full speed
UNIT, TILE = 48, 6  # rows of a layer's gradient that are computed and applied at once, and the smallest piece of them
FEW_ROWS = 64  # a thread with fewer rows of the batch goes through a layer's panels instead
LARGE = 1 << 20  # bytes of weights from which each thread does better with panels of its own


@dataclass(frozen=True)
class Scaling:
    """How raw numbers of a dtype become inputs, (raw - shift) / scale, and a flag for results that are not finite."""

    dtype: str
    shift: np.ndarray
    scale: np.ndarray
    flag: np.ndarray


@dataclass(frozen=True)
class Move:
    """What becomes of a gradient: a kernel (UPDATE and its columns) on pieces of an arena, then further phases."""

    arena: Arena
    columns: dict[str, Any]
    after: Sequence[list[Op]] = ()


def optimize(plan: Plan, arena: Arena, hyper: np.ndarray) -> Move:
    """The optimizer moves the weights: its kernel, the way to its states, and its numbers for each step."""
    columns = {
        "UPDATE": cpu.optimizer_kernel(plan.optimizer, plan.dtype, plan.extras),
        "STRIDE": plan.stride,
        "HYPER": hyper,
        "HYPER_ROW": hyper.shape[1],
    }
    return Move(arena, columns)


def _joined(steps: list[Step]) -> list[list[Op]]:
    """The phases of steps (by panels or not, ops): steps by rows that follow each other are one."""
    phases: list[list[Op]] = []
    for by_panels, together in itertools.groupby(steps, key=lambda step: step[0]):
        ops = [ops for _, ops in together]
        phases += ops if by_panels else [[row for part in ops for row in part]]
    return [phase for phase in phases if phase]


def _unit(rows: int, threads: int) -> int:
    """Rows of a unit: at most UNIT, and so many that threads have the same to do."""
    pieces = -(-rows // (UNIT * threads)) * threads
    return -(-rows // (pieces * TILE)) * TILE


class Builder:
    """Builds tables for one plan, arena and set of buffers.

    shuffled: rows come in an epoch's order, by the slots `order` and `offsets`; else one after the other.
    Further slots: x, target, row_loss (each row's loss), out (predictions), and shares (each row's of its batch's loss)
    where rows are weighted.  With a scaling x is raw.
    """

    def __init__(
        self,
        plan: Plan,
        arena: Arena,
        rows: int,
        shuffled: bool,
        scaling: Scaling | None = None,
        weighted: bool = False,
    ) -> None:
        self.plan, self.arena, self.shuffled, self.scaling, self.weighted = plan, arena, shuffled, scaling, weighted
        self.trains = shuffled
        self.rows = layer_rows(plan, rows)
        self.zero = aligned(PANEL * plan.lanes, plan.dtype)
        self.ones = aligned(plan.lanes, plan.dtype)
        self.ones[:] = 1
        self.counted = np.arange(rows, dtype=np.int64)
        self.scaled = aligned((rows, plan.layers[0].inputs_padded), plan.dtype) if scaling else None

    def training(self, move: Move, threads: int) -> Table:
        """The table of a training step.

        Layers go by rows, in one phase for as many as follow each other.  A layer by panels has a phase of its own,
        forward and back, in which a thread keeps to its own weights.
        """
        layers = range(len(self.plan.layers))
        by_panels = [self._by_panels(k, threads) for k in layers]
        steps = [step for k in layers for step in self.forward(k, by_panels[k])]
        steps.append((False, [self.loss()]))
        steps += [step for k in reversed(layers) for step in self.backward(k, by_panels[k])]
        return assembled([*_joined(steps), self._updates(move, threads), *move.after], builder=self, move=move)

    def evaluation(self, losses: bool, threads: int = 1) -> Table:
        """The table that fills `out` with predictions, and with losses also `row_loss`.

        threads > 1 is for few rows: threads share layers by panels, as far as `training` would.
        """
        by_panels = [self._by_panels(k, threads) for k in range(len(self.plan.layers))]
        steps = [(False, [self._scaling()] if self.scaling else [])]
        steps += [step for k in range(len(by_panels)) for step in self.forward(k, by_panels[k])]
        steps.append((False, [*([self.loss()] if losses else []), *self._predictions()]))
        return assembled(_joined(steps), builder=self)

    # ---- phase 1

    def _by_panels(self, k: int, threads: int) -> bool:
        """Whether threads share a layer by panels of its columns instead of by rows."""
        layer, rows = self.plan.layers[k], len(self.counted)
        if layer.norm == "batch" and self.trains:
            return True
        shared = (
            threads > 1 and self.panels(layer) % threads == 0 and self._elementwise(layer) and layer.norm != "layer"
        )
        weights = layer.inputs * layer.columns * ITEMSIZE[self.plan.dtype]
        return shared and (k == 0 or rows < FEW_ROWS * threads or weights >= LARGE)

    def _elementwise(self, layer: Layer) -> bool:
        """Whether the activation can be applied to some columns alone."""
        return layer.activation is None or layer.activation.component.form != "row"

    def forward(self, k: int, by_panels: bool = False) -> list[Step]:
        """A layer from its inputs to its outputs."""
        layer, units = self.plan.layers[k], self._units(self.plan.layers[k], by_panels)
        product = dense.dense_forward_panels if by_panels else dense.dense_forward
        ops = [(self.kernel(product), units, self.dense(k, ROWS)), *stages.norm_forward(self, k, units)]
        if by_panels and not self._elementwise(layer):
            return [(True, ops), (False, stages.outputs_forward(self, k, -GRAIN))]
        return [(by_panels, [*ops, *stages.outputs_forward(self, k, units)])]

    def forward_all(self) -> list[Op]:
        """All layers by rows."""
        return [row for k in range(len(self.plan.layers)) for _, ops in self.forward(k) for row in ops]

    def _scaling(self) -> Op:
        """From raw rows to the first layer's."""
        assert self.scaling is not None
        assert self.scaled is not None
        columns = {
            "X": Slot("x"),
            "INPUTS": self.plan.inputs,
            "Z": self.scaled,
            "Z_ROW": self.scaled.shape[1],
            "W": self.scaling.shift,
            "BIAS": self.scaling.scale,
            "FLAG": self.scaling.flag,
        }
        return self.kernel(scaling.SCALINGS[self.scaling.dtype]), -GRAIN, columns

    def loss(self) -> Op:
        last, layer, loss = self.rows[-1], self.plan.layers[-1], self.plan.loss
        columns = {
            "A": last.a,
            "A_ROW": layer.row,
            "D": last.d,
            "D_ROW": layer.row,
            "OUTPUTS": layer.outputs,
            "TARGET": Slot("target"),
            "TARGET_ROW": layer.columns if loss.component.form == "row" else layer.outputs,
            "ORDER": Slot("order") if self.shuffled else self.counted,
            "MOVES": int(self.shuffled),
            "ROW_LOSS": Slot("row_loss"),
            "PARAMETERS": self.values(loss),
            **({"SHARES": Slot("shares")} if self.weighted else {}),
        }
        return cpu.loss_kernel(loss.component, self.plan.dtype, self.weighted), -GRAIN, columns

    def backward(self, k: int, by_panels: bool = False) -> list[Step]:
        """To a layer's d, from that of the layer above or from the loss."""
        layer, units = self.plan.layers[k], self._units(self.plan.layers[k], by_panels)
        rest = stages.norm_backward(self, k, units)
        if by_panels and not self._elementwise(layer):
            return [(False, [*self._delta(k, False), *stages.outputs_backward(self, k, -GRAIN)]), (True, rest)]
        return [(by_panels, [*self._delta(k, by_panels), *stages.outputs_backward(self, k, units), *rest])]

    def backward_all(self) -> list[Op]:
        """From the loss down to the first layer's d, by rows."""
        return [row for k in reversed(range(len(self.plan.layers))) for _, ops in self.backward(k) for row in ops]

    def _delta(self, k: int, by_panels: bool) -> list[Op]:
        """The gradient to a layer's outputs, from the d of the layer above."""
        if k + 1 == len(self.plan.layers):
            return []
        product = dense.dense_delta_panels if by_panels else dense.dense_delta
        return [(self.kernel(product), self._units(self.plan.layers[k], by_panels), self._delta_columns(k + 1))]

    def slopes(self, k: int) -> list[Op]:
        """What turns a layer's d, if it is all ones, into the slopes of its activation."""
        return stages.activation_backward(self, k, -GRAIN)

    def _predictions(self) -> list[Op]:
        """The link on the last layer's output, if it has one, and copies into `out`."""
        last, layer, link = self.rows[-1], self.plan.layers[-1], self.plan.link
        copied = last.a if link is None else last.d
        copy = {"Z": copied, "Z_ROW": layer.row, "OUTPUTS": layer.outputs, "DX": Slot("out"), "DX_ROW": layer.outputs}
        ops: list[Op] = [(self.kernel(dense.copy_rows), -GRAIN, copy)]
        if link is not None:
            kernel = cpu.activation_forward(link.component, self.plan.dtype, False)
            columns = {"Z": last.a, "Z_ROW": layer.row, "A": last.d, "A_ROW": layer.row, "OUTPUTS": layer.outputs}
            ops.insert(0, (kernel, -GRAIN, {**columns, "PARAMETERS": self.values(link)}))
        return ops

    # ---- phase 2

    def _updates(self, move: Move, threads: int) -> list[Op]:
        ops: list[Op] = []
        for k, layer in enumerate(self.plan.layers):
            panels = self.panels(layer)
            unit = _unit(panels * layer.inputs, threads)
            places = {"W": move.arena.address(layer.weights), "BIAS": move.arena.address(layer.bias)}
            columns = {**self.gradient(k), **move.columns, **places, "UNIT": unit}
            ops.append((self.kernel(dense.dense_update), panels * (-(-layer.inputs // unit) + 1), columns))
            for place in range(len(layer.vectors)):
                offset = move.arena.address(layer.vectors[place].offset)
                columns = {**self.vector_gradient(k, place), **move.columns, "BIAS": offset}
                ops.append((self.kernel(dense.vector_update), panels, columns))
        return ops

    # ---- columns

    def dense(self, k: int, family: tuple[Any, ...]) -> dict[str, Any]:
        layer = self.plan.layers[k]
        return {
            **self.inputs_of(k),
            "INPUTS": layer.inputs,
            "INPUTS_PADDED": layer.inputs_padded,
            "OUTPUTS": layer.outputs,
            "COLUMNS": layer.columns,
            "W": self.arena.address(layer.weights),
            "BIAS": self.arena.address(layer.bias),
            "Z": self.rows[k].h,
            "Z_ROW": layer.row,
            **self._sweeps(family, layer.columns),
        }

    def gradient(self, k: int) -> dict[str, Any]:
        """What the gradient of a layer's w and b is computed from."""
        sums = {"ZERO": self.zero, "ONES": self.ones, "ZEROS": np.zeros_like(self.counted)}
        return {**self.dense(k, DEPTH), **sums, "D": self.rows[k].d, "D_ROW": self.plan.layers[k].row}

    def vector_gradient(self, k: int, place: int) -> dict[str, Any]:
        """What the gradient of one of a layer's vectors is computed from, as that of b."""
        layer, vector = self.plan.layers[k], self.plan.layers[k].vectors[place]
        summed = layer.norm == "batch" and vector.name in NORM
        columns = {"D": self.rows[k].slopes[place], "SUMMED": int(summed)}
        return {**self.gradient(k), **columns, "BIAS": self.arena.address(vector.offset)}

    def inputs_of(self, k: int) -> dict[str, Any]:
        """Where a layer finds its rows."""
        return self._first_inputs() if k == 0 else self._inputs(k)

    def _first_inputs(self) -> dict[str, Any]:
        """Where the first layer finds its rows."""
        if self.scaled is not None:
            return {"X": self.scaled, "X_MOVES": 0, "TABLE": self.counted * self.scaled.shape[1], "MOVES": 0}
        if self.shuffled:
            return {"X": Slot("x"), "X_MOVES": 0, "TABLE": Slot("offsets"), "MOVES": 1}
        inputs = self.plan.inputs
        return {"X": Slot("x"), "X_MOVES": inputs, "TABLE": self.counted * inputs, "MOVES": 0}

    def _inputs(self, k: int) -> dict[str, Any]:
        """Where a later layer finds its rows."""
        below = self.rows[k - 1]
        out = below.out if self.trains or self.plan.layers[k - 1].residual else below.a
        return {"X": out, "X_MOVES": 0, "TABLE": below.offsets, "MOVES": 0}

    def _delta_columns(self, k: int) -> dict[str, Any]:
        layer, under, skip = self.plan.layers[k], self.plan.layers[k - 1], self.rows[k].skip
        return {
            "TABLE": self.rows[k].offsets,
            "D": self.rows[k].d,
            "D_ROW": layer.row,
            "DX": self.rows[k - 1].d,
            "DX_ROW": under.row,
            "DX_COLUMNS": under.columns,
            "W": self.arena.address(layer.weights),
            "OUTPUTS": layer.outputs,
            "COLUMNS": layer.columns,
            "INPUTS_PADDED": layer.inputs_padded,
            "ZERO": self.zero,
            **({} if skip is None else {"SKIP": skip, "SKIP_ROW": layer.row}),
            **self._sweeps(ROWS, under.columns),
        }

    def panels(self, layer: Layer) -> int:
        """How many panels a layer's weights have."""
        return -(-layer.columns // (PANEL * self.plan.lanes))

    def _units(self, layer: Layer, by_panels: bool) -> int:
        """The units of an op over a layer's rows or panels."""
        return self.panels(layer) if by_panels else -GRAIN

    def _sweeps(self, family: tuple[Any, ...], columns: int) -> dict[str, int]:
        found = sweep_addresses(family, self.plan.dtype, columns // self.plan.lanes)
        return {f"SWEEPS+{k}": address for k, address in enumerate(found)}

    def values(self, configured: Configured) -> np.ndarray:
        """A component's parameters as an array that kernels read."""
        return np.array([*configured.values.values(), 0], self.plan.dtype)

    def kernel(self, function: Any) -> int:
        return jit.address(function, self.plan.dtype)
