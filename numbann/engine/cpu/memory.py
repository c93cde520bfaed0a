"""The engine's arrays: the arena of parameters and states, and buffers for the rows of a batch, aligned to 64 bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from numbann.derivation import keeps_z
from numbann.engine.shared.memory import aligned
from numbann.network.plan import STATISTICS, Layer, Plan
from numbann.simd.dense import DELTA_DEPTH
from numbann.simd.sweep import PANEL


class Arena:
    """All parameters, and after them each state of the optimizer in the same layout."""

    def __init__(self, plan: Plan, states: int = 0) -> None:
        self.plan = plan
        self.values = aligned((states + 1) * plan.stride, plan.dtype)
        self.statistics = aligned(plan.statistics, plan.dtype)

    def from_state(self, state: int) -> Arena:
        """The same memory from a state on, which takes the place of the parameters."""
        other = Arena.__new__(Arena)
        other.plan, other.values = self.plan, self.values[state * self.plan.stride :]
        other.statistics = self.statistics
        return other

    def copy(self, into: Arena | None = None) -> Arena:
        """The same numbers in memory of their own, or in another arena of this layout."""
        other = into or Arena(self.plan, len(self.values) // self.plan.stride - 1)
        other.values[:], other.statistics[:] = self.values, self.statistics
        return other

    @property
    def parameters(self) -> np.ndarray:
        """All parameters as one vector with the padding, which is zero."""
        return self.values[: self.plan.arena]

    def address(self, offset: int) -> int:
        """The address of a parameter."""
        return self.values.ctypes.data + offset * self.values.itemsize

    def layer(self, layer: Layer, state: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Copies of a layer's w (I, O) and b (O,), or of a state of them (1 is the first)."""
        w = np.empty((layer.inputs, layer.columns), self.plan.dtype)
        for column, panel in self._panels(layer, state):
            w[:, column : column + panel.shape[1]] = panel[: layer.inputs]
        return np.ascontiguousarray(w[:, : layer.outputs]), self._bias(layer, state)[: layer.outputs].copy()

    def set_layer(self, layer: Layer, w: np.ndarray, b: np.ndarray, state: int = 0) -> None:
        """Store a layer's w (I, O) and b (O,), or a state of them."""
        for column, panel in self._panels(layer, state):
            width = min(panel.shape[1], layer.outputs - column)
            panel[: layer.inputs, :width] = w[:, column : column + width]
        self._bias(layer, state)[: layer.outputs] = b

    def tensors(self, state: int = 0) -> dict[str, np.ndarray]:
        """Copies of all that is trained, or of a state of it, by the names of the plan."""
        found = {}
        for k, layer in enumerate(self.plan.layers):
            found[f"layers.{k}.weight"], found[f"layers.{k}.bias"] = self.layer(layer, state)
            for vector in layer.vectors:
                found[f"layers.{k}.{vector.name}"] = self._vector(layer, vector.offset, state)[: layer.outputs].copy()
        return found

    def set_tensors(self, tensors: Mapping[str, np.ndarray], state: int = 0) -> None:
        """Store all that is trained, or a state of it."""
        for k, layer in enumerate(self.plan.layers):
            self.set_layer(layer, tensors[f"layers.{k}.weight"], tensors[f"layers.{k}.bias"], state)
            for vector in layer.vectors:
                numbers = self._vector(layer, vector.offset, state)
                numbers[: layer.outputs] = tensors[f"layers.{k}.{vector.name}"]

    def gathered(self) -> dict[str, np.ndarray]:
        """Views of what batch norms have gathered, by the names of the plan."""
        found = {}
        for k, layer in enumerate(self.plan.layers):
            for place, name in enumerate(STATISTICS if layer.norm == "batch" else ()):
                start = layer.statistics + place * layer.columns
                found[f"layers.{k}.{name}"] = self.statistics[start : start + layer.outputs]
        return found

    def _panels(self, layer: Layer, state: int) -> Iterator[tuple[int, np.ndarray]]:
        """Each panel's first column and its view (I padded, width)."""
        full = PANEL * self.plan.lanes
        for column in range(0, layer.columns, full):
            width = min(full, layer.columns - column)
            start = state * self.plan.stride + layer.weights + column * layer.inputs_padded
            yield column, self.values[start : start + layer.inputs_padded * width].reshape(layer.inputs_padded, width)

    def _bias(self, layer: Layer, state: int) -> np.ndarray:
        return self._vector(layer, layer.bias, state)

    def _vector(self, layer: Layer, offset: int, state: int) -> np.ndarray:
        """The numbers of a vector, padded."""
        start = state * self.plan.stride + offset
        return self.values[start : start + layer.columns]


@dataclass(frozen=True)
class LayerRows:
    """A layer's buffers over the rows of a batch, (B, columns) each, and the offsets of their rows.

    h: the product, before a norm; z and a: before and after the activation; out: what the next layer reads; d: the
    gradient to each of them in turn, downwards; skip: the gradient that a residual connection takes past the layer.
    Those that need not be kept apart are one.  slopes: the gradient to each trained vector; factors: the norm's.
    """

    h: np.ndarray
    z: np.ndarray
    a: np.ndarray
    out: np.ndarray
    d: np.ndarray
    skip: np.ndarray | None
    slopes: np.ndarray
    factors: np.ndarray
    offsets: np.ndarray


def layer_rows(plan: Plan, rows: int) -> list[LayerRows]:
    """Buffers of every layer for so many rows."""
    return [_layer_rows(plan, k, rows) for k in range(len(plan.layers))]


def _layer_rows(plan: Plan, k: int, rows: int) -> LayerRows:
    layer = plan.layers[k]

    def buffer() -> np.ndarray:
        return aligned((rows, layer.row), plan.dtype)

    z = buffer()
    a = buffer() if layer.activation is not None and keeps_z(layer.activation.component) else z
    return LayerRows(
        h=buffer() if layer.norm else z,
        z=z,
        a=a,
        out=buffer() if layer.dropout or layer.residual else a,
        d=buffer(),
        skip=buffer() if layer.residual and k > 0 else None,
        slopes=aligned((len(layer.vectors), rows, layer.row), plan.dtype),
        factors=aligned(max(rows, layer.columns), plan.dtype),
        offsets=np.arange(rows, dtype=np.int64) * layer.row,
    )


def scratch(plan: Plan, threads: int) -> np.ndarray:
    """A scratch area for each thread, large enough for every kernel, and apart from its neighbours."""
    panel = PANEL * plan.lanes
    widest = max(layer.row for layer in plan.layers)
    return aligned((threads, max(DELTA_DEPTH * panel, widest) + panel), plan.dtype)
