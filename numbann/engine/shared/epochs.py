"""The arrays of an epoch on any device: the order of its rows, keys of noise, shares of the loss, rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from numbann.engine.shared import random
from numbann.engine.shared.alignment import aligned
from numbann.engine.shared.hyperparameters import hyper_width, set_constants, set_rates
from numbann.engine.shared.weighting import Shares, means, weighted_mean
from numbann.network.plan import Plan


class Epochs:
    """The arrays of an epoch over `count` rows, or over those of them whose numbers are given; `begin` fills them.

    weight (count,): how much each row counts.  hyper: the optimizer's numbers of each step, for each way of training.
    decays: the weight decay of each step.
    """

    def __init__(self, plan: Plan, count: int, weight: np.ndarray | None, numbers: np.ndarray | None = None) -> None:
        self.order = np.arange(count, dtype=np.int64) if numbers is None else np.array(numbers, np.int64)
        self.plan, self.numbers, self.rows = plan, numbers, len(self.order)
        self.batch = plan.batch_rows(self.rows)
        self.steps = -(-self.rows // self.batch)
        self.index: int | None = None  # of the epoch whose order, keys and rates the arrays hold
        self.keys = np.zeros(plan.keys, np.int64)
        self.shares = None if weight is None else Shares(weight, self.batch, plan.dtype, self.rows)
        self.hyper = {tuning: aligned((self.steps, hyper_width(plan)), plan.dtype) for tuning in plan.tunings}
        self.decays = np.full(self.steps, plan.weight_decay)
        for tuning, numbers_of_steps in self.hyper.items():
            set_constants(plan, numbers_of_steps, tuning, self.rows)

    def begin(self, index: int, rates: np.ndarray, done: int, numbers: Mapping[str, np.ndarray]) -> None:
        """Fill the arrays for an epoch that begins after `done` steps.  Rows that fit in one batch keep their order."""
        self.index = index
        self.decays[:] = numbers.get("weight_decay", self.plan.weight_decay)
        if self.batch < self.rows:
            random.shuffle_epoch(self.order, self.plan.seed, index)
            if self.numbers is not None:
                self.order[:] = self.numbers[self.order]
        if len(self.keys):
            self.keys[:] = random.noise_keys(self.plan.seed, index, len(self.keys))
        if self.shares is not None:
            self.shares.follow(self.order)
        for tuning, hyper in self.hyper.items():
            set_rates(self.plan, hyper, tuning, rates, self.decays, done)

    def rows_of(self, step: int) -> int:
        """The rows of the batch of a step; the last batch may be shorter."""
        return min(self.batch, self.rows - step * self.batch)

    def step_losses(
        self, row_loss: np.ndarray, steps: int | None = None, earlier: np.ndarray | Sequence[float] = ()
    ) -> np.ndarray:
        """The (weighted) mean loss of each of the first steps, from its rows' losses in the epoch's order.

        earlier: the losses of the first of them, where the epoch began elsewhere.
        """
        shares = None if self.plan.couples_losses else self.shares  # such a loss puts weights into rows' losses itself
        found = means(row_loss, self.batch) if shares is None else shares.means(row_loss)
        found[: len(earlier)] = earlier
        return found[:steps]

    def mean_loss(self, row_loss: np.ndarray) -> float:
        """The mean of all batches' losses, each by the weight of its rows."""
        weight = np.ones(self.rows) if self.shares is None else self.shares.weight[self.order]
        return weighted_mean(self.step_losses(row_loss), np.add.reduceat(weight, np.arange(0, self.rows, self.batch)))
