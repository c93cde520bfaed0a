"""The engine's arrays: the arena of parameters and states, and buffers for the rows of a batch, aligned to 64 bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from numbann.plan import VECTOR_BYTES, Layer, Plan
from numbann.simd.dense import DELTA_DEPTH
from numbann.simd.sweep import PANEL


def aligned(shape: int | tuple[int, ...], dtype: str) -> np.ndarray:
    """Zeros that start at a multiple of 64 bytes."""
    count, itemsize = int(np.prod(shape)), np.dtype(dtype).itemsize
    raw = np.zeros(count * itemsize + VECTOR_BYTES, np.uint8)
    start = -raw.ctypes.data % VECTOR_BYTES
    return raw[start : start + count * itemsize].view(dtype).reshape(shape)


class Arena:
    """All parameters, and after them each state of the optimizer in the same layout."""

    def __init__(self, plan: Plan, states: int = 0) -> None:
        self.plan = plan
        self.values = aligned((states + 1) * plan.stride, plan.dtype)

    def from_state(self, state: int) -> Arena:
        """The same memory from a state on, which takes the place of the parameters."""
        other = Arena.__new__(Arena)
        other.plan, other.values = self.plan, self.values[state * self.plan.stride :]
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

    def _panels(self, layer: Layer, state: int) -> Iterator[tuple[int, np.ndarray]]:
        """Each panel's first column and its view (I padded, width)."""
        full = PANEL * self.plan.lanes
        for column in range(0, layer.columns, full):
            width = min(full, layer.columns - column)
            start = state * self.plan.stride + layer.weights + column * layer.inputs_padded
            yield column, self.values[start : start + layer.inputs_padded * width].reshape(layer.inputs_padded, width)

    def _bias(self, layer: Layer, state: int) -> np.ndarray:
        start = state * self.plan.stride + layer.bias
        return self.values[start : start + layer.columns]


@dataclass(frozen=True)
class LayerRows:
    """A layer's buffers over the rows of a batch: z, a (z itself where z need not be kept), d, and rows' offsets."""

    z: np.ndarray
    a: np.ndarray
    d: np.ndarray
    offsets: np.ndarray


def layer_rows(plan: Plan, rows: int) -> list[LayerRows]:
    """Buffers of every layer for so many rows."""
    return [_layer_rows(plan, layer, rows) for layer in plan.layers]


def _layer_rows(plan: Plan, layer: Layer, rows: int) -> LayerRows:
    z = aligned((rows, layer.row), plan.dtype)
    keeps = layer.activation is not None and layer.activation.component.keeps_z
    a = aligned((rows, layer.row), plan.dtype) if keeps else z
    return LayerRows(z, a, aligned((rows, layer.row), plan.dtype), np.arange(rows, dtype=np.int64) * layer.row)


def scratch(plan: Plan, threads: int) -> np.ndarray:
    """A scratch area for each thread, large enough for every kernel, and apart from its neighbours."""
    panel = PANEL * plan.lanes
    widest = max(layer.row for layer in plan.layers)
    return aligned((threads, max(DELTA_DEPTH * panel, widest) + panel), plan.dtype)
