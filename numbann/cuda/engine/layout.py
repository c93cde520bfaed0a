"""Where everything lies on the GPU: parameters and states in one arena, buffers and numbers in another array.

A layer's w (I, O), b (O,) and trained vectors follow each other without padding.  The parts of the arena are the
weights that training moves, each stored state, and the average of the weights where the plan has one; after them the
running statistics of batch norms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod

import numpy as np

from numbann.network.chain import Layer
from numbann.network.plan import Plan

LINE = 64  # elements; every part begins at a multiple of it


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
        """Where tensors begin that follow each other, and where they end."""
        places = {}
        for name in names:
            places[name], start = start, start + prod(self._shapes[name])
        return places, start

    @property
    def predicting(self) -> int:
        """The part that predicts: the average, or the weights themselves."""
        return self.parts - 1 if self.plan.average is not None else 0

    def tensors(self, arena: np.ndarray, part: int) -> dict[str, np.ndarray]:
        """Views of a part of the arena by the names of the plan."""
        return self._views(arena[part * self.stride :], self.trained)

    def gathered(self, arena: np.ndarray) -> dict[str, np.ndarray]:
        """Views of what is gathered and not trained, by the names of the plan."""
        return self._views(arena, self.statistics)

    def _views(self, arena: np.ndarray, places: Mapping[str, int]) -> dict[str, np.ndarray]:
        shapes = self._shapes
        return {name: arena[at : at + prod(shapes[name])].reshape(shapes[name]) for name, at in places.items()}

    def store(self, arena: np.ndarray, part: int, tensors: Mapping[str, np.ndarray]) -> None:
        """Set a part of the arena."""
        for name, view in self.tensors(arena, part).items():
            view[:] = tensors[name]


class Allocator:
    """Hands out places in an array that is yet to be made."""

    def __init__(self) -> None:
        self.size = 0
        self.numbers: list[tuple[int, np.ndarray]] = []

    def take(self, count: int) -> int:
        """A place for so many elements."""
        place = self.size
        self.size += _round_up(max(count, 1))
        return place

    def store(self, numbers: np.ndarray) -> int:
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


def buffer_size(layer: Layer, rows: int) -> int:
    """Elements of a buffer over the rows of a batch."""
    return rows * layer.outputs


def _round_up(count: int) -> int:
    return -(-count // LINE) * LINE
