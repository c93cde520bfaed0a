"""The table of phases: what a training step or an evaluation does, as ops that the driver calls.  It calls none itself.

Phase 1 goes over rows: forward through all layers, the loss, the deltas back down.  Phase 2 goes over weights: a piece
of a layer's gradient and at once the optimizer on it.  A barrier ends each phase.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from numbann.compile import blocks
from numbann.component import Configured
from numbann.engine.cpu.memory import Arena, LayerRows, aligned
from numbann.plan import Layer, Plan
from numbann.simd import dense, jit, op
from numbann.simd.sweep import DEPTH, PANEL, ROWS, sweep_addresses

GRAIN = 6  # rows are dealt out to threads by the height of the widest tile


@dataclass(frozen=True)
class Data:
    """What a table reads and writes outside the engine: rows, targets, their order, losses, and predictions."""

    x: np.ndarray
    order: np.ndarray
    offsets: np.ndarray
    target: np.ndarray | None
    row_loss: np.ndarray | None
    out: np.ndarray | None


@dataclass(frozen=True)
class Table:
    """Ops and phases; each phase is the range of its ops.  `keep` holds every array that an address points into."""

    ops: np.ndarray
    phases: np.ndarray
    keep: tuple[Any, ...]


class Builder:
    """Builds tables for one plan, arena and set of buffers."""

    def __init__(self, plan: Plan, arena: Arena, rows: list[LayerRows]) -> None:
        self.plan, self.arena, self.rows = plan, arena, rows
        self.zero = aligned(PANEL * plan.lanes, plan.dtype)
        self.ones = aligned(plan.lanes, plan.dtype)
        self.ones[:] = 1
        self.no_offsets = np.zeros(len(rows[0].z), np.int64)
        self.keep: list[Any] = []

    def training(self, data: Data, hyper: np.ndarray, threads: int) -> Table:
        """The table of a training step.

        Where the first layer has a panel for each thread it goes by panels, in a phase of its own: then its weights,
        most of a network's, stay with the processor that also updates them.
        """
        by_rows = [*self._forward(data), *self._loss(data), *self._backward()]
        updates = self._updates(data, hyper)
        if threads > 1 and self._panels(self.plan.layers[0]) >= threads:
            return self._table([[self._first_layer(data)], by_rows[1:], updates])
        return self._table([by_rows, updates])

    def evaluation(self, data: Data) -> Table:
        """The table that fills data.out with predictions, and data.row_loss with losses if there are targets."""
        loss = self._loss(data) if data.target is not None else []
        return self._table([self._forward(data) + loss + self._predictions(data)])

    def _table(self, phases: list[list[np.ndarray]]) -> Table:
        ends = np.cumsum([len(phase) for phase in phases])
        ranges = np.array([(end - len(phase), end) for end, phase in zip(ends, phases, strict=True)], np.int64)
        kept, self.keep = (self, *self.keep), []
        return Table(np.array([row for phase in phases for row in phase]), ranges, kept)

    # ---- phase 1

    def _forward(self, data: Data) -> list[np.ndarray]:
        rows = []
        for k, layer in enumerate(self.plan.layers):
            rows.append(self._op(self._kernel(dense.dense_forward), -GRAIN, **self._dense(k, layer, data, ROWS)))
            if layer.activation is not None:
                in_place = self.rows[k].a is self.rows[k].z
                kernel = blocks.activation_forward(layer.activation.component, self.plan.dtype, in_place)
                rows.append(self._op(kernel, -GRAIN, **self._activation(k, layer, layer.activation)))
        return rows

    def _first_layer(self, data: Data) -> np.ndarray:
        """The first layer's forward product by panels."""
        first = self.plan.layers[0]
        kernel = self._kernel(dense.dense_forward_panels)
        return self._op(kernel, self._panels(first), **self._dense(0, first, data, ROWS))

    def _loss(self, data: Data) -> list[np.ndarray]:
        last, layer, target = self.rows[-1], self.plan.layers[-1], data.target
        assert target is not None
        assert data.row_loss is not None
        return [
            self._op(
                blocks.loss_kernel(self.plan.loss.component, self.plan.dtype),
                -GRAIN,
                A=last.a,
                A_ROW=layer.row,
                D=last.d,
                D_ROW=layer.row,
                OUTPUTS=layer.outputs,
                TARGET=target,
                TARGET_ROW=target.size // len(target),
                ORDER=data.order,
                ROW_LOSS=data.row_loss,
                PARAMETERS=self._values(self.plan.loss),
            )
        ]

    def _backward(self) -> list[np.ndarray]:
        rows = []
        for k in range(len(self.plan.layers) - 1, -1, -1):
            layer = self.plan.layers[k]
            if layer.activation is not None:
                kernel = blocks.activation_backward(layer.activation.component, self.plan.dtype)
                rows.append(self._op(kernel, -GRAIN, **self._activation(k, layer, layer.activation)))
            if k > 0:
                rows.append(self._delta(k, layer))
        return rows

    def _delta(self, k: int, layer: Layer) -> np.ndarray:
        below, under = self.rows[k - 1], self.plan.layers[k - 1]
        return self._op(
            self._kernel(dense.dense_delta),
            -GRAIN,
            TABLE=self.rows[k].offsets,
            D=self.rows[k].d,
            D_ROW=layer.row,
            DX=below.d,
            DX_ROW=under.row,
            DX_COLUMNS=under.columns,
            W=self.arena.address(layer.weights),
            OUTPUTS=layer.outputs,
            COLUMNS=layer.columns,
            INPUTS_PADDED=layer.inputs_padded,
            ZERO=self.zero,
            **self._sweeps(ROWS, under.columns),
        )

    def _predictions(self, data: Data) -> list[np.ndarray]:
        """The link on the last layer's output, if it has one, and copies into data.out."""
        last, layer, link = self.rows[-1], self.plan.layers[-1], self.plan.link
        copied, rows = last.a, []
        if link is not None:
            kernel = blocks.activation_forward(link.component, self.plan.dtype, False)
            copied = last.d
            rows.append(
                self._op(
                    kernel,
                    -GRAIN,
                    Z=last.a,
                    Z_ROW=layer.row,
                    A=last.d,
                    A_ROW=layer.row,
                    OUTPUTS=layer.outputs,
                    PARAMETERS=self._values(link),
                )
            )
        assert data.out is not None
        return [
            *rows,
            self._op(
                self._kernel(dense.copy_rows),
                -GRAIN,
                Z=copied,
                Z_ROW=layer.row,
                OUTPUTS=layer.outputs,
                DX=data.out,
                DX_ROW=layer.outputs,
            ),
        ]

    # ---- phase 2

    def _updates(self, data: Data, hyper: np.ndarray) -> list[np.ndarray]:
        update = blocks.optimizer_kernel(self.plan.optimizer, self.plan.dtype)
        moved = {"UPDATE": update, "STRIDE": self.plan.stride, "HYPER": hyper, "HYPER_ROW": hyper.shape[1]}
        rows = []
        for k, layer in enumerate(self.plan.layers):
            panels = self._panels(layer)
            units = panels * -(-layer.inputs // dense.UNIT)
            common = {
                **self._dense(k, layer, data, DEPTH),
                **moved,
                "D": self.rows[k].d,
                "D_ROW": layer.row,
                "ZERO": self.zero,
            }
            ones = {"X": self.ones, "TABLE": self.no_offsets, "MOVES": 0}
            rows.append(self._op(self._kernel(dense.dense_update), units, **common))
            rows.append(self._op(self._kernel(dense.bias_update), panels, **{**common, **ones}))
        return rows

    # ---- columns that several ops share

    def _dense(self, k: int, layer: Layer, data: Data, family: tuple[Any, ...]) -> dict[str, Any]:
        below = None if k == 0 else self.rows[k - 1]
        return {
            "X": data.x if below is None else below.a,
            "TABLE": data.offsets if below is None else below.offsets,
            "MOVES": int(below is None),
            "INPUTS": layer.inputs,
            "INPUTS_PADDED": layer.inputs_padded,
            "OUTPUTS": layer.outputs,
            "COLUMNS": layer.columns,
            "W": self.arena.address(layer.weights),
            "BIAS": self.arena.address(layer.bias),
            "Z": self.rows[k].z,
            "Z_ROW": layer.row,
            **self._sweeps(family, layer.columns),
        }

    def _panels(self, layer: Layer) -> int:
        """How many panels a layer's weights have."""
        return -(-layer.columns // (PANEL * self.plan.lanes))

    def _activation(self, k: int, layer: Layer, activation: Configured) -> dict[str, Any]:
        rows = self.rows[k]
        return {
            "Z": rows.z,
            "Z_ROW": layer.row,
            "A": rows.a,
            "A_ROW": layer.row,
            "D": rows.d,
            "D_ROW": layer.row,
            "OUTPUTS": layer.outputs,
            "PARAMETERS": self._values(activation),
        }

    def _sweeps(self, family: tuple[Any, ...], columns: int) -> dict[str, int]:
        found = sweep_addresses(family, self.plan.dtype, columns // self.plan.lanes)
        return {f"SWEEPS+{k}": address for k, address in enumerate(found)}

    def _values(self, configured: Configured) -> np.ndarray:
        """A component's parameters as an array that kernels read."""
        return np.array([*configured.values.values(), 0], self.plan.dtype)

    def _op(self, kernel: int, units: int, **columns: Any) -> np.ndarray:
        """One op: names of op.py with numbers, or with arrays, whose addresses are taken and which are kept alive."""
        row = np.zeros(op.WIDTH, np.int64)
        row[op.KERNEL], row[op.UNITS] = kernel, units
        for name, value in columns.items():
            base, _, shift = name.partition("+")
            if isinstance(value, np.ndarray):
                self.keep.append(value)
                value = value.ctypes.data
            row[getattr(op, base) + int(shift or 0)] = value
        return row

    def _kernel(self, function: Any) -> int:
        return jit.address(function, self.plan.dtype)
