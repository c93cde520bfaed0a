"""The engine's arrays, aligned to 64 bytes: the arena of parameters and states, and buffers for the rows of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ctypes import c_ssize_t, c_void_p
from functools import cached_property
from typing import Any

import numpy as np

from numbann.engine.cpu.layout import LayerLayout, Layout
from numbann.engine.shared.alignment import aligned
from numbann.network.chain import Chain
from numbann.network.plan import Plan
from numbann.network.steps import Activation, Embed, Enter, ScaleInputs, ScaleMembers
from numbann.network.steps.step import INPUTS, TOTALS
from numbann.records import dataclass
from numbann.simd.named import rounding
from numbann.simd.objects import function
from numbann.simd.op import BFLOAT16
from numbann.simd.sizes import DELTA_DEPTH, PANEL, ROUNDED, embedding_scratch


class Arena:
    """All parameters, followed by each state of the optimizer in the same layout.

    pairs: the weights in bfloat16, if products read them so.  stale: whether they are those of older weights.
    """

    def __init__(self, plan: Plan, states: int = 0) -> None:
        self.plan, self.layout, self.stale = plan, Layout(plan), False
        self.values = aligned((states + 1) * self.layout.stride, plan.dtype)
        self.statistics = aligned(self.layout.gathered, plan.dtype)
        self.pairs = self._no_pairs()

    def _no_pairs(self) -> np.ndarray:
        return aligned(self.layout.paired if self.plan.products == BFLOAT16 else 0, "int32")

    def from_state(self, state: int) -> Arena:
        """The same memory, with a state in the place of the parameters."""
        other = Arena.__new__(Arena)
        other.plan, other.layout, other.statistics = self.plan, self.layout, self.statistics
        other.values, other.pairs, other.stale = self.values[state * self.layout.stride :], self._no_pairs(), True
        return other

    def copy(self, into: Arena | None = None) -> Arena:
        """The same numbers in new memory, or in another arena of this layout."""
        other = into or Arena(self.plan, len(self.values) // self.layout.stride - 1)
        other.values[:], other.statistics[:] = self.values, self.statistics
        return other

    @property
    def parameters(self) -> np.ndarray:
        """All parameters as one vector, with their padding, which is zero or never changes."""
        return self.values[: self.layout.arena]

    def at(self, offset: int) -> np.ndarray:
        """The arena from a parameter on."""
        return self.values[offset:]

    def pairs_of(self, k: int) -> dict[str, Any]:
        """The columns that lead to a layer's weights in bfloat16."""
        place = self.layout.layers[k]
        return {"PAIRED": self.pairs[place.pairs :], "PAIRS_PADDED": place.pairs_padded}

    def tensors(self, state: int = 0) -> dict[str, np.ndarray]:
        """Copies of all trained tensors, or of a state of theirs (1 is the first), by the names of the plan."""
        found = {name: self._matrix(k, state) for k, name in enumerate(self._matrices)}
        found |= {name: self._vector(name, state).copy() for name in self.layout.vectors}
        return {name: found[name] for name in self._names if name in found}

    def set_tensors(self, tensors: Mapping[str, np.ndarray], state: int = 0) -> None:
        """Store all trained tensors, or a state of theirs."""
        for k, name in enumerate(self._matrices):
            self._set_matrix(k, tensors[name], state)
        for name in self.layout.vectors:
            self._vector(name, state)[:] = tensors[name]
        for name in self._of_activations if state == 0 else ():
            start, size = self.layout.vectors[name]
            self.values[start + size : start + self.layout.padded(size)] = tensors[name][-1]
        self.stale |= state == 0

    def round(self) -> None:
        """Round the weights to bfloat16 again, if products read them so and they have changed."""
        if self.stale and len(self.pairs):
            round_panel = function(rounding.round_panel, None, c_void_p, c_void_p, c_ssize_t, c_ssize_t)
            for k, place in enumerate(self.layout.layers):
                for column, panel in self._panels(k, 0):
                    pairs = self.pairs[place.pairs + column * place.pairs_padded :]
                    round_panel(panel.ctypes.data, pairs.ctypes.data, *panel.shape)
        self.stale = False

    def squares(self) -> float:
        """The sum of the squares of all weights, whose padding is 0."""
        return sum(float(np.vdot(one, one)) for one in self._weights)

    @cached_property
    def _weights(self) -> list[np.ndarray]:
        """Views of each layer's weights, panel after panel."""
        sizes = ((place.weights, place.inputs_padded * place.columns) for place in self.layout.layers)
        return [self.values[first : first + size] for first, size in sizes]

    @cached_property
    def _of_activations(self) -> list[str]:
        """The trained vectors of activations; their padding is no 0, since mathematics may divide by such a number."""
        steps = [layer.training.step(Activation) for layer in self.plan.layers]
        return [vector.name for step in steps if step for vector in step.vectors]

    def gathered(self) -> dict[str, np.ndarray]:
        """Views of the statistics, by the names of the plan."""
        places = self.layout.statistics.items()
        return {name: self.statistics[start : start + size] for name, (start, size) in places}

    @cached_property
    def _names(self) -> list[str]:
        return list(self.plan.tensors)

    @cached_property
    def _matrices(self) -> list[str]:
        return [f"layers.{k}.weight" for k in range(len(self.plan.layers))]

    def _matrix(self, k: int, state: int) -> np.ndarray:
        place = self.layout.layers[k]
        w = np.empty((place.inputs, place.outputs), self.plan.dtype)
        for column, panel in self._panels(k, state):
            part = w[:, column : column + panel.shape[1]]
            part[:] = panel[: place.inputs, : part.shape[1]]
        return w

    def _set_matrix(self, k: int, w: np.ndarray, state: int) -> None:
        for column, panel in self._panels(k, state):
            width = min(panel.shape[1], w.shape[1] - column)
            panel[: len(w), :width] = w[:, column : column + width]

    def _panels(self, k: int, state: int) -> list[tuple[int, np.ndarray]]:
        """Each panel's first column and its view (I padded, width), made once."""
        if (k, state) not in self._views:
            self._views[k, state] = list(self._cut(k, state))
        return self._views[k, state]

    @cached_property
    def _views(self) -> dict[tuple[int, int], list[tuple[int, np.ndarray]]]:
        return {}

    def _cut(self, k: int, state: int) -> Iterator[tuple[int, np.ndarray]]:
        place, full = self.layout.layers[k], PANEL * self.layout.lanes
        for column in range(0, place.columns, full):
            width = min(full, place.columns - column)
            start = state * self.layout.stride + place.weights + column * place.inputs_padded
            yield column, self.values[start : start + place.inputs_padded * width].reshape(place.inputs_padded, width)

    def _vector(self, name: str, state: int) -> np.ndarray:
        """A view of a vector."""
        start, size = self.layout.vectors[name]
        return self.values[state * self.layout.stride :][start : start + size]


class Rounded:
    """Rows of values in bfloat16: the pairs of each row (B, columns / 2), and those of each column (B / 2, columns)."""

    def __init__(self, layout: Layout, rows: int, columns: int) -> None:
        columns, even = -(-columns // ROUNDED) * ROUNDED, rows + rows % 2
        self.rows = aligned((even, layout.row(columns // 2)), "int32")
        self.pairs = aligned((even // 2, layout.row(columns)), "int32")


@dataclass(frozen=True)
class LayerRows:
    """A layer's buffers over the rows of a batch, (B, columns) each, and the offsets of their rows.

    values: the buffers of the chain's values, some of which are the same, of their gradient d, and of the gradient skip
    if one passes the layer.  slopes: the gradient to each trained vector; totals: the sums of those to vectors of any
    length, one after the other as in the arena; to_inputs: the gradient to what the first layer gets.  factors: those
    of the norm.  rounded: where products read bfloat16, x, d and what the gradient to w is computed from, if not x.
    """

    values: dict[str, np.ndarray]
    slopes: np.ndarray
    totals: np.ndarray
    to_inputs: np.ndarray
    factors: np.ndarray
    offsets: np.ndarray
    rounded: dict[str, Rounded]

    @property
    def d(self) -> np.ndarray:
        """The gradient to each value in turn, downwards."""
        return self.values["d"]


def layer_rows(arena: Arena, chains: list[Chain], rows: int) -> list[LayerRows]:
    """The buffers of every layer for batches of `rows` rows."""
    return [_layer_rows(arena, k, chain, rows) for k, chain in enumerate(chains)]


def _layer_rows(arena: Arena, k: int, chain: Chain, rows: int) -> LayerRows:
    place, dtype = arena.layout.layers[k], arena.plan.dtype
    own = [*(step.writes for step in chain.steps), "d", *(["skip"] if chain.skips else [])]
    made = {name: aligned((rows, place.inputs_padded if name in INPUTS else place.row), dtype) for name in own}
    shared = {value: made[buffer] for value, buffer in chain.buffers.items() if buffer in made}
    layout, vectors = arena.layout, arena.plan.layers[k].sloped
    totals = [layout.padded(one.size) for one in vectors if one.gradient == TOTALS]
    entered = sum(step.features * step.outputs for step in chain.steps if isinstance(step, Enter))
    returned = place.inputs if chain.step(ScaleMembers) else entered
    return LayerRows(
        values=made | shared,
        slopes=aligned((len(vectors) - len(totals), rows, place.row), dtype),
        totals=aligned(sum(totals), dtype),
        to_inputs=aligned((rows, layout.padded(returned)) if returned else 0, dtype),
        factors=aligned(max(rows, place.columns), dtype),
        offsets=np.arange(rows, dtype=np.int64) * place.row,
        rounded={name: Rounded(layout, rows, columns) for name, columns in _rounded(arena, place, chain)},
    )


def _rounded(arena: Arena, place: LayerLayout, chain: Chain) -> list[tuple[str, int]]:
    """What is rounded in a layer, and its columns."""
    if arena.plan.products != BFLOAT16:
        return []
    given = [("given", place.inputs)] if chain.step(ScaleInputs) else []
    return [("x", place.inputs), ("d", place.columns), *given]


def scratch(plan: Plan, threads: int) -> np.ndarray:
    """A scratch area for each thread, large enough for every kernel.

    One more panel at its end keeps it apart from the next thread's.
    """
    layout, embed = Layout(plan), plan.layers[0].training.step(Embed)
    panel, widest = PANEL * layout.lanes, max(place.row for place in layout.layers)
    columns = embedding_scratch(embed.terms * len(embed.configured.component.terms), embed.mixed) if embed else 0
    return aligned((threads, max(DELTA_DEPTH * panel, 2 * widest, columns) + panel), plan.dtype)
