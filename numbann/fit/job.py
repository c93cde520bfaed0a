"""A job: a planned network, the rows that train and validate it, and the course of its training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from numbann.components.built_in import built_in
from numbann.components.component import Configured
from numbann.engine.shared.feeding import Inputs, take_rows
from numbann.fit.rates import Rates
from numbann.fit.stopping import Watch
from numbann.network.plan import Plan

Measure = Callable[[np.ndarray], Mapping[str, float]]


@dataclass(frozen=True)
class Rows:
    """Rows as the network sees them: x (N, I), and t as the loss sees it, labels (N,) or rows (N, T).

    weight (N,): how much each row counts in the loss; None: all the same.
    """

    x: Inputs
    t: np.ndarray
    weight: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.t)

    def at(self, places: np.ndarray) -> Rows:
        """The rows with these numbers, in memory."""
        return Rows(take_rows(self.x, places), self.t[places], None if self.weight is None else self.weight[places])


@dataclass(frozen=True)
class Job:
    """Everything that a training needs.

    learning_rate: the optimizer's; None for its own default.  The schedule multiplies it, after a linear rise over
    warmup_epochs.  watch: the key of the history that tells the best epoch; keep_best: whether that epoch's weights are
    the ones that predict in the end.  measure: from outputs on the validation rows to further measures of an epoch.
    """

    plan: Plan
    train: Rows
    validation: Rows | None = None
    epochs: int = 50
    learning_rate: float | None = None
    schedule: Configured = field(default_factory=lambda: built_in().configured("schedule", "constant"))
    warmup_epochs: int = 0
    watch: Watch = field(default_factory=lambda: Watch("train_loss"))
    keep_best: bool = False
    measure: Measure = lambda outputs: {}

    @property
    def look_ahead(self) -> bool:
        """Whether the rates depend on the number of epochs."""
        return self.rates(len(self.train)).look_ahead

    def rates(self, rows: int) -> Rates:
        """The learning rate of each step, for a training on `rows` rows."""
        steps, rate = -(-rows // self.plan.batch_rows(rows)), self.learning_rate
        if rate is None:
            rate = self.plan.optimizer.component.defaults()["learning_rate"]
        return Rates(self.schedule, rate, self.warmup_epochs, self.epochs, steps)
