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

from numbann.compile import blocks
from numbann.component import Configured
from numbann.engine.cpu.memory import Arena, aligned, layer_rows
from numbann.plan import ITEMSIZE, Layer, Plan
from numbann.simd import dense, jit, op, scaling
from numbann.simd.sweep import DEPTH, PANEL, ROWS, sweep_addresses

GRAIN = 2  # rows are dealt out to threads in pairs, which any tile does at full speed
UNIT, TILE = 48, 6  # rows of a layer's gradient that are computed and applied at once, and the smallest piece of them
FEW_ROWS = 64  # a thread with fewer rows of the batch goes through a layer's panels instead
LARGE = 1 << 20  # bytes of weights from which each thread does better with panels of its own

# An op: its kernel's address, its units, and columns of op.py with numbers, arrays or slots
Op = tuple[int, int, dict[str, Any]]


@dataclass(frozen=True)
class Scaling:
    """How raw numbers of a dtype become inputs, (raw - shift) / scale, and a flag for results that are not finite."""

    dtype: str
    shift: np.ndarray
    scale: np.ndarray
    flag: np.ndarray


class Slot(str):
    """The name of an array that a table is given later, and perhaps again and again: see Table.bind."""


@dataclass(frozen=True)
class Table:
    """Ops and phases; each phase is the range of its ops.  `kept` holds every array that an address points into."""

    ops: np.ndarray
    phases: np.ndarray
    slots: list[tuple[Slot, int, int]]
    kept: dict[str, Any]

    def bind(self, **arrays: np.ndarray) -> None:
        """Put the addresses of arrays into their slots, and keep the arrays alive."""
        for slot, row, column in self.slots:
            if slot in arrays:
                self.ops[row, column] = arrays[slot].ctypes.data
        self.kept.update(arrays)


def assembled(phases: list[list[Op]], apart: Sequence[Op] = (), **kept: Any) -> Table:
    """The table of phases of ops, and after them ops apart, which other ops call; arrays become addresses."""
    ends = np.cumsum([len(phase) for phase in phases])
    ranges = [(end - len(phase), end) for end, phase in zip(ends, phases, strict=True)]
    rows = [*(row for phase in phases for row in phase), *apart]
    table = Table(np.zeros((len(rows), op.WIDTH), np.int64), np.array(ranges, np.int64), [], {**kept, "arrays": []})
    for index, (kernel, units, columns) in enumerate(rows):
        table.ops[index, [op.KERNEL, op.UNITS]] = kernel, units
        for name, value in columns.items():
            _fill(table, index, name, value)
    return table


def _fill(table: Table, index: int, name: str, value: Any) -> None:
    """Set one column of an op; "SWEEPS+2" is the second after SWEEPS."""
    base, _, shift = name.partition("+")
    column = getattr(op, base) + int(shift or 0)
    if isinstance(value, Slot):
        table.slots.append((value, index, column))
    elif isinstance(value, np.ndarray):
        table.kept["arrays"].append(value)
        table.ops[index, column] = value.ctypes.data
    else:
        table.ops[index, column] = value


@dataclass(frozen=True)
class Move:
    """What becomes of a gradient: a kernel (UPDATE and its columns) on pieces of an arena, then further phases."""

    arena: Arena
    columns: dict[str, Any]
    after: Sequence[list[Op]] = ()


def optimize(plan: Plan, arena: Arena, hyper: np.ndarray) -> Move:
    """The optimizer moves the weights: its kernel, the way to its states, and its numbers for each step."""
    columns = {
        "UPDATE": blocks.optimizer_kernel(plan.optimizer, plan.dtype, plan.extras),
        "STRIDE": plan.stride,
        "HYPER": hyper,
        "HYPER_ROW": hyper.shape[1],
    }
    return Move(arena, columns)


def _joined(steps: list[tuple[bool, list[Op]]]) -> list[list[Op]]:
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
    Further slots: x, target, row_loss (each row's loss) and out (predictions).  With a scaling x is raw.
    """

    def __init__(self, plan: Plan, arena: Arena, rows: int, shuffled: bool, scaling: Scaling | None = None) -> None:
        self.plan, self.arena, self.shuffled, self.scaling = plan, arena, shuffled, scaling
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
        by_panels = [self._by_panels(k, threads) for k in range(len(self.plan.layers))]
        steps = [(by_panels[k], self.forward(k, by_panels[k])) for k in range(len(by_panels))]
        steps.append((False, [self.loss(), *self._derivative(len(by_panels) - 1, False)]))
        steps += [(by_panels[k - 1], self.backward(k, by_panels[k - 1])) for k in range(len(by_panels) - 1, 0, -1)]
        return assembled([*_joined(steps), self._updates(move, threads), *move.after], builder=self, move=move)

    def evaluation(self, losses: bool, threads: int = 1) -> Table:
        """The table that fills `out` with predictions, and with losses also `row_loss`.

        threads > 1 is for few rows: threads share layers by panels, as far as `training` would.
        """
        by_panels = [self._by_panels(k, threads) for k in range(len(self.plan.layers))]
        steps = [(False, [self._scaling()] if self.scaling else [])]
        steps += [(by_panels[k], self.forward(k, by_panels[k])) for k in range(len(by_panels))]
        steps.append((False, [*([self.loss()] if losses else []), *self._predictions()]))
        return assembled(_joined(steps), builder=self)

    # ---- phase 1

    def _by_panels(self, k: int, threads: int) -> bool:
        """Whether threads share a layer by panels of its columns instead of by rows."""
        layer, rows = self.plan.layers[k], len(self.counted)
        elementwise = layer.activation is None or layer.activation.component.form != "row"
        shared = threads > 1 and self.panels(layer) % threads == 0 and elementwise
        weights = layer.inputs * layer.columns * ITEMSIZE[self.plan.dtype]
        return shared and (k == 0 or rows < FEW_ROWS * threads or weights >= LARGE)

    def forward(self, k: int, by_panels: bool = False) -> list[Op]:
        """A layer's product and its activation."""
        layer = self.plan.layers[k]
        product = dense.dense_forward_panels if by_panels else dense.dense_forward
        ops = [(self.kernel(product), self._units(layer, by_panels), self.dense(k, ROWS))]
        if layer.activation is not None:
            in_place = self.rows[k].a is self.rows[k].z
            kernel = blocks.activation_forward(layer.activation.component, self.plan.dtype, in_place)
            ops.append((kernel, self._units(layer, by_panels), self._activation(k, layer.activation)))
        return ops

    def forward_all(self) -> list[Op]:
        """All layers by rows."""
        return [row for k in range(len(self.plan.layers)) for row in self.forward(k)]

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
            "PARAMETERS": self._values(loss),
        }
        return blocks.loss_kernel(loss.component, self.plan.dtype), -GRAIN, columns

    def backward(self, k: int, by_panels: bool = False) -> list[Op]:
        """From a layer's d to the d of the layer below."""
        product = dense.dense_delta_panels if by_panels else dense.dense_delta
        units = self._units(self.plan.layers[k - 1], by_panels)
        return [(self.kernel(product), units, self._delta(k)), *self._derivative(k - 1, by_panels)]

    def backward_all(self) -> list[Op]:
        """From the loss down to the first layer's d, by rows."""
        last = len(self.plan.layers) - 1
        return [*self._derivative(last, False), *(row for k in range(last, 0, -1) for row in self.backward(k))]

    def _derivative(self, k: int, by_panels: bool) -> list[Op]:
        """The activation's part of a layer's d."""
        layer = self.plan.layers[k]
        if layer.activation is None:
            return []
        kernel = blocks.activation_backward(layer.activation.component, self.plan.dtype)
        return [(kernel, self._units(layer, by_panels), self._activation(k, layer.activation))]

    def _predictions(self) -> list[Op]:
        """The link on the last layer's output, if it has one, and copies into `out`."""
        last, layer, link = self.rows[-1], self.plan.layers[-1], self.plan.link
        copied = last.a if link is None else last.d
        copy = {"Z": copied, "Z_ROW": layer.row, "OUTPUTS": layer.outputs, "DX": Slot("out"), "DX_ROW": layer.outputs}
        ops: list[Op] = [(self.kernel(dense.copy_rows), -GRAIN, copy)]
        if link is not None:
            kernel = blocks.activation_forward(link.component, self.plan.dtype, False)
            columns = {"Z": last.a, "Z_ROW": layer.row, "A": last.d, "A_ROW": layer.row, "OUTPUTS": layer.outputs}
            ops.insert(0, (kernel, -GRAIN, {**columns, "PARAMETERS": self._values(link)}))
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
        return ops

    # ---- columns

    def dense(self, k: int, family: tuple[Any, ...]) -> dict[str, Any]:
        layer = self.plan.layers[k]
        return {
            **(self._first_inputs() if k == 0 else self._inputs(k)),
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

    def gradient(self, k: int) -> dict[str, Any]:
        """What the gradient of a layer's w and b is computed from."""
        sums = {"ZERO": self.zero, "ONES": self.ones, "ZEROS": np.zeros_like(self.counted)}
        return {**self.dense(k, DEPTH), **sums, "D": self.rows[k].d, "D_ROW": self.plan.layers[k].row}

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
        return {"X": below.a, "X_MOVES": 0, "TABLE": below.offsets, "MOVES": 0}

    def _delta(self, k: int) -> dict[str, Any]:
        layer, under = self.plan.layers[k], self.plan.layers[k - 1]
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
            **self._sweeps(ROWS, under.columns),
        }

    def _activation(self, k: int, activation: Configured) -> dict[str, Any]:
        rows, layer = self.rows[k], self.plan.layers[k]
        return {
            "Z": rows.z,
            "Z_ROW": layer.row,
            "A": rows.a,
            "A_ROW": layer.row,
            "D": rows.d,
            "D_ROW": layer.row,
            "OUTPUTS": layer.outputs,
            "COLUMNS": layer.columns,
            "PARAMETERS": self._values(activation),
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

    def _values(self, configured: Configured) -> np.ndarray:
        """A component's parameters as an array that kernels read."""
        return np.array([*configured.values.values(), 0], self.plan.dtype)

    def kernel(self, function: Any) -> int:
        return jit.address(function, self.plan.dtype)
