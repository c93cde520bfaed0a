"""Where a run stands at the end of an epoch: all that is needed to go on bit for bit.  checkpoint.py writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from numbann.model.file import Tensors
from numbann.training.stopping import Best


@dataclass(frozen=True)
class State:
    """After `epoch` epochs: the model's tensors, states of engine and schedule, history, the best epoch.

    best_tensors: those of the best epoch, if they are kept.
    """

    tensors: Tensors
    engine: Mapping[str, np.ndarray]
    history: tuple[Mapping[str, Any], ...] = ()
    best: Best = field(default_factory=Best)
    best_tensors: Tensors | None = None
    schedule: tuple[float, ...] = ()

    @property
    def epoch(self) -> int:
        """The number of epochs done."""
        return len(self.history)
