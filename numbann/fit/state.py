"""The state of a training between two steps: everything that is needed to go on bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

import numpy as np

from numbann.engine.interface import Engine, Snapshot
from numbann.fit.rates import States
from numbann.fit.stopping import Best
from numbann.records import dataclass

Record = dict[str, Any]  # an epoch's line of the history
NO_LOSSES = np.empty(0)


@dataclass
class State:
    """After `epoch` epochs and the first steps of another.

    kept: the engine's parameters and states after the last of these steps; best_kept: of the best epoch, if its weights
    are kept: the same object, if no step came after.  Both stay in the engine's layout.  spare: one to overwrite.
    history, best, and the states of schedules (of the rate, and of other numbers by name): after the last whole epoch.
    losses: of the steps of the epoch that is not complete; seconds: how long they took.
    """

    kept: Snapshot
    history: list[Mapping[str, Any]] = field(default_factory=list)
    best: Best = field(default_factory=Best)
    best_kept: Snapshot | None = None
    schedule: States = ()
    courses: Mapping[str, States] = field(default_factory=dict)
    losses: np.ndarray = field(default_factory=NO_LOSSES.copy)
    seconds: float = 0.0
    spare: Snapshot | None = None

    @property
    def epoch(self) -> int:
        """The number of epochs done."""
        return len(self.history)

    @property
    def place(self) -> tuple[int, int]:
        """The number of epochs done, and of steps after them."""
        return self.epoch, len(self.losses)

    @property
    def at_best(self) -> bool:
        """Whether the best epoch is the last one, and no step came after."""
        return self.best.epoch == self.epoch and not len(self.losses)

    def keep(self, engine: Engine) -> None:
        """Copy the engine's parameters and states; those of the best epoch stay as they are."""
        into, self.spare = (self.spare, None) if self.kept is self.best_kept else (self.kept, self.spare)
        self.kept = engine.snapshot(into)

    def keep_as_best(self) -> None:
        """What is kept is now of the best epoch; nothing is copied."""
        if self.best_kept is not self.kept:
            self.spare, self.best_kept = self.best_kept, self.kept
