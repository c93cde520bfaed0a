"""A snapshot of parameters and states: one copy of the engine's arena in the host's memory."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from numbann.cuda.engine.layout import Layout
from numbann.network.states import add_prefix
from numbann.records import dataclass


@dataclass(frozen=True)
class ArenaSnapshot:
    """A copy of the arena.  kept: its parts beside the weights that predict, by name; steps: how many were done."""

    layout: Layout
    arena: np.ndarray
    kept: Mapping[str, int]
    steps: int

    def parameters(self) -> dict[str, np.ndarray]:
        """As of the engine."""
        tensors = self.layout.tensors(self.arena, self.layout.predicting)
        return {name: tensor.copy() for name, tensor in {**tensors, **self.layout.gathered(self.arena)}.items()}

    def state(self) -> dict[str, np.ndarray]:
        """As of the engine."""
        found = {"steps": np.array([self.steps], np.int64)}
        for name, part in self.kept.items():
            tensors = self.layout.tensors(self.arena, part)
            found |= add_prefix(name, {tensor: array.copy() for tensor, array in tensors.items()})
        return found
