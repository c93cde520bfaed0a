"""The state of a training at the end of an epoch: everything that is needed to go on bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numbann.engine.interface import Snapshot
from numbann.fit.rates import States
from numbann.fit.stopping import Best

Record = dict[str, Any]  # an epoch's line of the history


@dataclass
class State:
    """After `epoch` epochs: the engine's parameters and states, the history, the best epoch, the schedule's states.

    kept, and best_kept of the best epoch if its weights are kept, stay in the engine's layout.
    """

    kept: Snapshot
    history: list[Mapping[str, Any]] = field(default_factory=list)
    best: Best = field(default_factory=Best)
    best_kept: Snapshot | None = None
    schedule: States = ()

    @property
    def epoch(self) -> int:
        """The number of epochs done."""
        return len(self.history)
