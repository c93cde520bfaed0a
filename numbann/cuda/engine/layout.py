"""Where everything lies on the GPU: parameters and states in one arena, buffers and numbers in another array.

A layer's w (I, O), b (O,) and trained vectors follow each other without padding.  The parts of the arena are the
weights that training moves, each stored state, and the average of the weights where the plan has one; after them the
running statistics of batch norms.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from numbann.network.plan import STATISTICS, Layer, Plan

LINE = 64  # elements; every part begins at a multiple of it


class Layout:
    """The places of a plan's tensors in the arena."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.weights: list[int] = []
        offset = 0
        for layer in plan.layers:
            self.weights.append(offset)
            offset += (layer.inputs + 1 + len(layer.vectors)) * layer.outputs
        self.length, self.stride = offset, _padded(offset)
        self.states = plan.optimizer.stored_states
        self.parts = 1 + len(self.states) + (plan.average is not None)
        self.statistics: dict[int, int] = {}
        offset = self.parts * self.stride
        for k, layer in enumerate(plan.layers):
            if layer.norm == "batch":
                self.statistics[k] = offset
                offset += len(STATISTICS) * layer.outputs
        self.size = offset

    @property
    def predicting(self) -> int:
        """The part that predicts: the average, or the weights themselves."""
        return self.parts - 1 if self.plan.average is not None else 0

    def vectors(self, k: int) -> int:
        """Where a layer's trained vectors begin in the first part."""
        layer = self.plan.layers[k]
        return self.weights[k] + (layer.inputs + 1) * layer.outputs

    def tensors(self, arena: np.ndarray, part: int) -> dict[str, np.ndarray]:
        """Views of a part of the arena by the names of the plan."""
        found: dict[str, np.ndarray] = {}
        for k, layer in enumerate(self.plan.layers):
            start = part * self.stride + self.weights[k]
            count = layer.inputs * layer.outputs
            found[f"layers.{k}.weight"] = arena[start : start + count].reshape(layer.inputs, layer.outputs)
            for place, name in enumerate(("bias", *(vector.name for vector in layer.vectors))):
                begin = start + count + place * layer.outputs
                found[f"layers.{k}.{name}"] = arena[begin : begin + layer.outputs]
        return found

    def gathered(self, arena: np.ndarray) -> dict[str, np.ndarray]:
        """Views of what batch norms have gathered, by the names of the plan."""
        found = {}
        for k, start in self.statistics.items():
            outputs = self.plan.layers[k].outputs
            for place, name in enumerate(STATISTICS):
                found[f"layers.{k}.{name}"] = arena[start + place * outputs : start + (place + 1) * outputs]
        return found

    def store(self, arena: np.ndarray, part: int, tensors: Mapping[str, np.ndarray]) -> None:
        """Set a part of the arena."""
        for name, view in self.tensors(arena, part).items():
            view[:] = tensors[name]


class Room:
    """Hands out places in an array that is yet to be made."""

    def __init__(self) -> None:
        self.size = 0
        self.numbers: list[tuple[int, np.ndarray]] = []

    def take(self, count: int) -> int:
        """A place for so many elements."""
        place = self.size
        self.size += _padded(max(count, 1))
        return place

    def keep(self, numbers: np.ndarray) -> int:
        """A place for numbers that the array begins with."""
        place = self.take(len(numbers))
        self.numbers.append((place, numbers))
        return place

    def filled(self, dtype: str) -> np.ndarray:
        """The array on the host, zero but for its numbers."""
        made = np.zeros(max(self.size, 1), dtype)
        for place, numbers in self.numbers:
            made[place : place + len(numbers)] = numbers
        return made


def buffer(layer: Layer, rows: int) -> int:
    """Elements of a buffer over the rows of a batch."""
    return rows * layer.outputs


def _padded(count: int) -> int:
    return -(-count // LINE) * LINE
