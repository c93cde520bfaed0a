"""What an epoch goes by, on any device: the order of the rows, keys of noise, shares of the loss, numbers of steps."""

from __future__ import annotations

import numpy as np

from numbann.engine.shared import random
from numbann.engine.shared.hyper import hyper_width, set_constants, set_rates
from numbann.engine.shared.memory import aligned
from numbann.engine.shared.weighting import Shares, means
from numbann.network.plan import Plan


class Epochs:
    """The arrays of an epoch over so many rows, which `begin` fills; weight (N,): how much each row counts."""

    def __init__(self, plan: Plan, rows: int, weight: np.ndarray | None) -> None:
        self.plan, self.rows, self.batch = plan, rows, plan.batch_rows(rows)
        self.steps = -(-rows // self.batch)
        self.order = np.arange(rows, dtype=np.int64)
        self.keys = np.zeros(2 * len(plan.layers) * plan.noisy, np.int64)
        self.shares = None if weight is None else Shares(weight, self.batch, plan.dtype)
        self.hyper = aligned((self.steps, hyper_width(plan)), plan.dtype)
        set_constants(plan, self.hyper)

    def begin(self, index: int, rates: np.ndarray, done: int) -> None:
        """Fill the arrays for an epoch that begins after so many steps; rows that are one batch need no order."""
        if self.batch < self.rows:
            random.shuffle_epoch(self.order, self.plan.seed, index)
        if self.plan.noisy:
            self.keys[:] = random.noise_keys(self.plan.seed, index, len(self.keys))
        if self.shares is not None:
            self.shares.follow(self.order)
        set_rates(self.plan, self.hyper, rates, done)

    def step_losses(self, row_loss: np.ndarray) -> np.ndarray:
        """The (weighted) mean of the losses of each batch's rows, given in the epoch's order."""
        return means(row_loss, self.batch) if self.shares is None else self.shares.means(row_loss)
