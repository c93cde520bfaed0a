"""The layout of the GPU's memory: an arena of parameters and states, and an array `work` of buffers and numbers.

The arena has equal parts: the weights that training moves, each stored state, and, if the plan has one, the average of
the weights.  The running statistics of batch norms follow.  In a part a layer's w (I, O), b (O,) and trained vectors
follow one another without padding: w and b are then one matrix of I + 1 rows, which the products rely on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod

import numpy as np

from numbann.network.chain import Layer
from numbann.network.plan import Plan

LINE = 64  # elements; every part and every buffer begins at a multiple of it


class Layout:
    """The places of a plan's tensors in the arena."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self._shapes = plan, plan.tensors
        gathered = [vector.name for layer in plan.layers for vector in layer.statistics]
        self.trained, self.length = self._place_tensors([name for name in self._shapes if name not in gathered], 0)
        self.stride = _round_up(self.length)
        self.states = plan.optimizer.stored_states
        self.parts = 1 + len(self.states) + (plan.average is not None)
        self.statistics, self.size = self._place_tensors(gathered, self.parts * self.stride)
        self.weights = [self.trained[f"layers.{k}.weight"] for k in range(len(plan.layers))]

    def _place_tensors(self, names: Iterable[str], start: int) -> tuple[dict[str, int], int]:
        """Place tensors one after another; returns where each begins, and where the last one ends."""
        places = {}
        for name in names:
            places[name], start = start, start + prod(self._shapes[name])
        return places, start

    @property
    def predicting(self) -> int:
        """The number of the part that predicts: that of the average or of a state, or else of the weights."""
        state = self.plan.optimizer.component.predicts
        if state:
            return 1 + self.states.index(state)
        return self.parts - 1 if self.plan.average is not None else 0

    def tensors(self, arena: np.ndarray, part: int) -> dict[str, np.ndarray]:
        """Views of a part of the arena by the names of the plan."""
        return self._views(arena[part * self.stride :], self.trained)

    def gathered(self, arena: np.ndarray) -> dict[str, np.ndarray]:
        """Views of the running statistics, by the names of the plan."""
        return self._views(arena, self.statistics)

    def _views(self, arena: np.ndarray, places: Mapping[str, int]) -> dict[str, np.ndarray]:
        shapes = self._shapes
        return {name: arena[at : at + prod(shapes[name])].reshape(shapes[name]) for name, at in places.items()}

    def store(self, arena: np.ndarray, part: int, tensors: Mapping[str, np.ndarray]) -> None:
        """Set a part of the arena."""
        for name, view in self.tensors(arena, part).items():
            view[:] = tensors[name]


class Allocator:
    """Allocates places in an array, `work`, that is made when all are known."""

    def __init__(self) -> None:
        self.size = 0
        self.numbers: list[tuple[int, np.ndarray]] = []

    def take(self, count: int) -> int:
        """Allocate a place for `count` elements."""
        place = self.size
        self.size += _round_up(max(count, 1))
        return place

    def store(self, numbers: np.ndarray) -> int:
        """Allocate a place for numbers that the array holds from the start."""
        place = self.take(len(numbers))
        self.numbers.append((place, numbers))
        return place

    def filled(self, dtype: str) -> np.ndarray:
        """The array on the host: zeros, and the stored numbers."""
        made = np.zeros(max(self.size, 1), dtype)
        for place, numbers in self.numbers:
            made[place : place + len(numbers)] = numbers
        return made


def buffer_size(layer: Layer, rows: int) -> int:
    """The elements of a layer's buffer for the rows of a batch."""
    return rows * layer.outputs


def _round_up(count: int) -> int:
    return -(-count // LINE) * LINE
