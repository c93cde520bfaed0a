"""The operands of ops: the arrays of a network for batches of some rows, as columns.

Weights and buffers have their addresses from the start; arrays that change from call to call are slots.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from numbann.components.component import Configured
from numbann.engine.cpu.memory import Arena, layer_rows
from numbann.engine.cpu.moving import Moving
from numbann.engine.cpu.table import Columns, Slot
from numbann.engine.cpu.wanted import Kernel, want
from numbann.engine.shared.alignment import aligned
from numbann.network.steps import Embed, Enter, PickRows, ScaleMembers, Step, Vector
from numbann.network.steps.step import INPUTS, SUMS, TOTALS
from numbann.records import dataclass
from numbann.simd import named
from numbann.simd.objects import Place
from numbann.simd.op import BFLOAT16
from numbann.simd.sizes import PANEL, lanes_of

# Rows are shared out to threads in pairs: all tiles but the last resort of one row have an even height, so no thread
# ends with a single row unless the batch does
GRAIN = 2


@dataclass(frozen=True)
class Scaling:
    """How raw numbers of a dtype become inputs, (raw - shift) / scale, and a flag for results that are not finite."""

    dtype: str
    shift: np.ndarray
    scale: np.ndarray
    flag: np.ndarray


class Operands:
    """The arrays that the ops of a plan read and write.

    training: for training, else for predictions.  ordered: rows come in an epoch's order, by the slots `order` and
    `offsets`, as in training; else one after the other.  scaling: x is raw numbers.  slots: of an epoch's arrays,
    `shares` if rows have shares of their batch's loss, `extents` if they are in groups, and `bounds` if these make the
    batches.  moving: numbers of steps, in training.
    """

    def __init__(
        self,
        arena: Arena,
        rows: int,
        training: bool,
        scaling: Scaling | None = None,
        slots: Collection[str] = (),
        ordered: bool = False,
        moving: Moving | None = None,
    ) -> None:
        self.plan, self.arena, self.layout = arena.plan, arena, arena.layout
        self.training, self.scaling, self.slots, self.ordered = training, scaling, slots, training or ordered
        self.dtype, self.chains = self.plan.dtype, self.plan.chains(training)
        self.rounds = self.plan.products == BFLOAT16
        self.rows = layer_rows(arena, self.chains, rows)
        self.moving = moving
        widest = [max(place.columns, place.width_columns) for place in self.layout.layers]
        returned = self.rows[0].to_inputs.shape[-1]  # these, and a vector of any length, may be wider than all layers
        self.zero = aligned(max(*widest, returned, PANEL * self.layout.lanes), self.dtype)
        self.ones = aligned(self.layout.lanes, self.dtype)
        self.ones[:] = 1
        self.counted = np.arange(rows, dtype=np.int64)
        self.scaled = aligned((rows, self.layout.padded(self.plan.inputs)), self.dtype) if scaling else None
        self.whole_batch = self._whole_batch(rows) if self.plan.couples_losses else {}

    def kernel(self, kernel: Place) -> Kernel:
        """A kernel for the plan's dtype."""
        return want(kernel, self.dtype)

    def product_kernel(self, kernel: Place) -> Kernel:
        """A kernel that multiplies."""
        return want(kernel, self.plan.products)

    def units(self, k: int, by_panels: bool) -> int:
        """The units of an op over a layer's rows or panels."""
        return self.layout.layers[k].panels if by_panels else -GRAIN

    def values(self, configured: Configured) -> np.ndarray:
        """A component's parameters as an array that kernels read; the 0 at its end keeps it from being empty."""
        return np.array([*configured.values.values(), 0], self.dtype)

    def parameters(self, name: str, numbers: np.ndarray) -> Columns:
        """The columns that lead to parameters, one of which may change from step to step under a name."""
        rows = self.moving.rows.get(name) if self.moving else None
        return (
            {"PARAMETERS": numbers, "PARAMETERS_ROW": 0}
            if rows is None
            else {"PARAMETERS": rows, "PARAMETERS_ROW": rows.shape[1]}
        )

    def _whole_batch(self, rows: int) -> Columns:
        """The arrays of a loss of whole batches, which may be read for a vector beyond their end."""
        loss, width = self.plan.loss.component, self.plan.outputs
        count, lanes = loss.targets(width), self.layout.lanes
        weights = aligned(rows + lanes, self.dtype)
        weights[:] = 1
        return {
            "ALL_Y": aligned(rows * width + lanes, self.dtype),
            "ALL_T": aligned(rows * count + lanes, self.dtype),
            "ALL_T_ROW": 1 if loss.columns else count,
            "ALL_T_COLUMN": rows if loss.columns else 1,
            "ALL_LABELS": aligned(rows + lanes, "int64"),
            "ALL_WEIGHTS": weights,
            "ALL_GROUPS": aligned(rows + lanes, "int64"),
            "ALL_GROUP_ENDS": aligned(rows + lanes, "int64"),
            "EACH": aligned(len(loss.each) * rows + lanes, self.dtype),
            "EACH_STRIDE": rows,
        }

    # ---- columns of a layer

    def layer(self, k: int) -> Columns:
        """What the kernels of a layer's steps may read: its sizes, w and b, its inputs, and the rows of its values."""
        place, rows = self.layout.layers[k], self.rows[k]
        values = {name.upper(): array for name, array in rows.values.items() if name not in INPUTS}
        return {
            **self.inputs_of(k),
            **values,
            **{f"{name}_ROW": place.row for name in values},
            "INPUTS": place.inputs,
            "INPUTS_PADDED": place.inputs_padded,
            "OUTPUTS": place.outputs,
            "COLUMNS": place.columns,
            "W": self.arena.at(place.weights),
            "BIAS": self.arena.at(self.layout.vectors[f"layers.{k}.bias"].start),
            "D_TABLE": rows.offsets,
            "FACTORS": rows.factors,
        }

    def behind(self, k: int) -> Columns:
        """The same for the steps behind its activation, which may have changed the width."""
        place = self.layout.layers[k]
        return {**self.layer(k), "OUTPUTS": place.width, "COLUMNS": place.width_columns}

    def vectors(self, k: int, step: Step) -> Columns:
        """The trained vectors of a step, and where each row's gradients to them go."""
        if not step.vectors:
            return {}
        slopes = self.rows[k].slopes
        first = self._sloped(k, step.vectors[0])
        return {
            "VECTORS": self.arena.at(self.layout.vectors[step.vectors[0].name].start),
            "SLOPES": slopes[first:],
            "SLOPES_STRIDE": slopes.shape[1] * self.layout.layers[k].row,
        }

    def product(self, k: int) -> Columns:
        """Those of x w + b."""
        place, rounded = self.layout.layers[k], self.rows[k].rounded
        columns = {**self.layer(k), "SWEEPS": self._sweeps("rows", place.outputs, self.plan.products)}
        if not self.rounds:
            return columns
        x = _one_by_one(rounded["x"].rows, self.counted)
        return {**columns, **x, **self._pairs(k), "INPUTS": (place.inputs + 1) // 2}

    def _pairs(self, k: int) -> Columns:
        """The weights in bfloat16."""
        place = self.layout.layers[k]
        return {"W": self.arena.pairs[place.pairs :], "INPUTS_PADDED": place.pairs_padded}

    def rounding(self, k: int, name: str) -> Columns:
        """What is rounded under a name, and where it goes."""
        place, to = self.layout.layers[k], self.rows[k].rounded[name]
        values = {"X": self.rows[k].d, "X_MOVES": 0, "TABLE": self.rows[k].offsets, "MOVES": 0}
        given = values if name == "d" else self._given_to(k) if name == "given" else self.inputs_of(k)
        count = place.outputs if name == "d" else place.inputs
        return {
            **given,
            "OUTPUTS": count,
            "COLUMNS": self.layout.padded(count),
            "ROUNDED": to.rows,
            "ROUNDED_ROW": to.rows.shape[1],
            "PAIRED": to.pairs,
            "PAIRED_ROW": to.pairs.shape[1],
        }

    def weights_gradient(self, k: int) -> Columns:
        """What the gradient of a layer's w is computed from: as for b, or pairs of rows."""
        columns = self.gradient(k)
        if not self.rounds:
            return columns
        rounded, sweeps = self.rows[k].rounded, self._sweeps("depth", self.layout.layers[k].outputs, BFLOAT16)
        x, d = rounded.get("given", rounded["x"]).pairs, rounded["d"].pairs
        return {
            **columns,
            **_one_by_one(x, self.counted[: len(x)]),
            "D": d,
            "D_ROW": d.shape[1],
            "SWEEPS": sweeps,
        }

    def gradient(self, k: int) -> Columns:
        """What the gradient of a layer's w and b is computed from: d, and the inputs as the layer is given them."""
        sums: Columns = {"ZERO": self.zero, "ONES": self.ones, "ZEROS": np.zeros_like(self.counted)}
        return {
            **self.layer(k),
            **self._given_to(k),
            **sums,
            "SWEEPS": self._sweeps("depth", self.layout.layers[k].outputs),
        }

    def bias_gradient(self, k: int) -> Columns:
        """What the gradient of a layer's b alone is computed from, in the way of that of a vector."""
        return {**self.gradient(k), "SLOPES": self.rows[k].d, "SUMMED": 0}

    def vector_gradient(self, k: int, vector: Vector) -> Columns:
        """What the gradient of one of a layer's vectors is computed from, in the way of that of b."""
        summed = {"SUMMED": int(vector.gradient in (SUMS, TOTALS))}
        if vector.gradient != TOTALS:
            return {**self.gradient(k), "SLOPES": self.rows[k].slopes[self._sloped(k, vector)], **summed}
        columns = self.layout.padded(vector.size)
        own: Columns = {
            "SLOPES": self._totals(k, vector),
            "COLUMNS": columns,
            "SWEEPS": self._sweeps("depth", vector.size),
        }
        return {**self.gradient(k), **own, **summed}

    def _totals(self, k: int, vector: Vector) -> np.ndarray:
        """Where the sums of a vector's gradients are."""
        first = next(one for one in self.plan.layers[k].vectors if one.gradient == TOTALS)
        places = self.layout.vectors
        return self.rows[k].totals[places[vector.name].start - places[first.name].start :]

    def _sloped(self, k: int, vector: Vector) -> int:
        """The place of a vector among those for which each row has a gradient."""
        return [one for one in self.plan.layers[k].sloped if one.gradient != TOTALS].index(vector)

    def embedding(self, step: Embed) -> Columns:
        """What an embedding reads and writes."""
        own: Columns = {"TERMS": step.terms, "MIXED": step.mixed, "PARAMETERS": self.values(step.configured)}
        return {**self._entering(step), **own}

    def categories(self, step: PickRows) -> Columns:
        """What rows picked by codes are read from, and where they go."""
        rows = np.cumsum([0, *step.counts], dtype=np.int64)
        return {**self._entering(step), "CATEGORIES": rows, "SIZE": step.outputs, "PLACE": step.first}

    def _entering(self, step: Enter) -> Columns:
        """What is common to the steps that make several numbers of an input."""
        e, vectors = self.rows[0].values["e"], step.vectors
        return {
            **self.given(),
            "SOURCES": np.array(step.columns, np.int64),
            "FEATURES": step.features,
            "PASSED": len(step.columns) - step.features,
            "EMBEDDED": e,
            "EMBEDDED_ROW": e.shape[1],
            "VECTORS": self.arena.at(self.layout.vectors[vectors[0].name].start if vectors else 0),
            "SLOPES": self._totals(0, vectors[0]) if vectors else self.rows[0].totals,
            **self.to_inputs(),
        }

    def members(self, step: ScaleMembers) -> Columns:
        """What the scales of members read and write."""
        scaled, vector = self.rows[0].values["x"], step.vectors[0]
        return {
            **self.layer(0),
            **self.unscaled(0),
            "MEMBERS": step.members,
            "SCALED": scaled,
            "SCALED_ROW": scaled.shape[1],
            "VECTORS": self.arena.at(self.layout.vectors[vector.name].start),
            "SLOPES": self._totals(0, vector),
            **self.to_inputs(),
        }

    def to_inputs(self) -> dict[str, Any]:
        """The gradient to the numbers that stand for inputs."""
        d = self.rows[0].to_inputs
        return {"DX": d, "DX_ROW": d.shape[1], "DX_COLUMNS": d.shape[1]}

    def delta(self, k: int) -> Columns:
        """d and w of a layer, and the d of the layer below, or of the embedding."""
        skip = self.rows[k].values.get("skip")
        below = self.to_inputs() if k == 0 else self._below(k)
        wide = below["DX_COLUMNS"] if k == 0 else self.layout.layers[k - 1].width
        columns = {
            **self.layer(k),
            **below,
            "INIT": self.zero if skip is None else skip,
            "INIT_ROW": 0 if skip is None else self.layout.layers[k].row,
            "SWEEPS": self._sweeps("rows", wide, self.plan.products),
        }
        if not self.rounds:
            return columns
        d = self.rows[k].rounded["d"].rows
        return {**columns, **self._pairs(k), "D": d, "D_TABLE": self.counted * d.shape[1]}

    def _below(self, k: int) -> dict[str, Any]:
        """The d of the layer below."""
        under = self.layout.layers[k - 1]
        return {"DX": self.rows[k - 1].d, "DX_ROW": under.row, "DX_COLUMNS": under.width_columns}

    def inputs_of(self, k: int) -> Columns:
        """Where a layer's product finds its rows."""
        x = self.rows[k].values.get("x")
        return self.unscaled(k) if x is None else _one_by_one(x, self.counted)

    def _given_to(self, k: int) -> Columns:
        """The rows that the gradient to w is computed from: those before a scale of inputs, which finishes it later."""
        return self.inputs_of(k) if self.chains[k].step(ScaleMembers) else self.unscaled(k)

    def unscaled(self, k: int) -> Columns:
        """Where a layer finds its rows before a scale of inputs."""
        if k > 0:
            below = self.rows[k - 1]
            return {"X": below.values["out"], "X_MOVES": 0, "TABLE": below.offsets, "MOVES": 0}
        e = self.rows[0].values.get("e")
        return self.given() if e is None else _one_by_one(e, self.counted)

    def given(self) -> Columns:
        """Where the network is given its rows."""
        if self.scaled is not None:
            return _one_by_one(self.scaled, self.counted)
        if self.ordered:
            return {"X": Slot("x"), "X_MOVES": 0, "TABLE": Slot("offsets"), "MOVES": 1}
        inputs = self.plan.inputs
        return {"X": Slot("x"), "X_MOVES": inputs, "TABLE": self.counted * inputs, "MOVES": 0}

    def _sweeps(self, family: str, columns: int, precision: str = "") -> list[Kernel]:
        """Those for so many columns, by default of sums over rows."""
        return sweeps(family, precision or self.dtype, columns)


def sweeps(family: str, dtype: str, columns: int) -> list[Kernel]:
    """A family's sweeps of 1 to 4 vectors; 0 for widths that a matrix of so many columns lacks.

    Only the last panel is narrower, or has padding: the sweep of its width leaves half a vector of it out.
    """
    lanes = lanes_of(dtype)
    vectors = -(-columns // lanes)
    last = (vectors - 1) % PANEL + 1
    alone, padding = vectors <= PANEL or last < PANEL, vectors * lanes - columns
    halves = {2 * PANEL} if vectors > PANEL else set[int]()
    halves.add(2 * last - int(alone and 2 * padding >= lanes and dtype != BFLOAT16))
    found = {(one + 1) // 2: want(getattr(named.sweep, named.sweep_name(family, one)), dtype) for one in halves}
    return [found.get(width, 0) for width in range(1, PANEL + 1)]


def _one_by_one(x: np.ndarray, counted: np.ndarray) -> Columns:
    """Rows that lie in a buffer, one after the other."""
    return {"X": x, "X_MOVES": 0, "TABLE": counted * x.shape[1], "MOVES": 0}
