"""The state of a training between two steps: everything that is needed to go on bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from numbann.engine.interface import Snapshot
from numbann.fit.rates import States
from numbann.fit.stopping import Best

Record = dict[str, Any]  # an epoch's line of the history
NO_LOSSES = np.empty(0)


@dataclass
class State:
    """After `epoch` epochs and the first steps of another.

    kept: the engine's parameters and states after the last of these steps; best_kept: of the best epoch, if its weights
    are kept.  Both stay in the engine's layout.  history, best, schedule: after the last whole epoch.  losses: of the
    steps of the epoch that is not complete; seconds: how long they took.
    """

    kept: Snapshot
    history: list[Mapping[str, Any]] = field(default_factory=list)
    best: Best = field(default_factory=Best)
    best_kept: Snapshot | None = None
    schedule: States = ()
    losses: np.ndarray = field(default_factory=NO_LOSSES.copy)
    seconds: float = 0.0

    @property
    def epoch(self) -> int:
        """The number of epochs done."""
        return len(self.history)

    @property
    def place(self) -> tuple[int, int]:
        """The number of epochs done, and of steps after them."""
        return self.epoch, len(self.losses)
