"""Parameters and states of the engine at one moment: copied at once in its own layout, named and shaped on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from numbann.engine.cpu.memory import Arena
from numbann.network.states import MEMORY, add_prefix


class ArenaSnapshot:
    """An arena with its states' names, the states of other shapes, a solver's memory, and the number of steps done."""

    def __init__(
        self,
        arena: Arena,
        states: Sequence[str],
        shaped: Mapping[str, np.ndarray],
        memory: Mapping[str, np.ndarray],
        steps: int,
    ) -> None:
        self.arena, self.states, self.shaped, self.memory, self.steps = arena, states, shaped, memory, steps

    def copy(self, into: ArenaSnapshot | None = None) -> ArenaSnapshot:
        """The same in memory of its own, or in that of another snapshot, which is overwritten."""
        arena = self.arena.copy(None if into is None else into.arena)
        shaped = {name: array.copy() for name, array in self.shaped.items()}
        return ArenaSnapshot(arena, self.states, shaped, dict(self.memory), self.steps)

    def parameters(self) -> dict[str, np.ndarray]:
        """As `Engine.parameters`."""
        gathered = {name: part.copy() for name, part in self.arena.gathered().items()}
        return {**self.arena.tensors(), **gathered}

    def state(self) -> dict[str, np.ndarray]:
        """As `Engine.state`."""
        found = {"steps": np.array([self.steps], np.int64)}
        found |= {name: array.copy() for name, array in self.shaped.items()} | add_prefix(MEMORY, self.memory)
        for slot, name in enumerate(self.states, start=1):
            found |= add_prefix(name, self.arena.tensors(slot))
        return found
