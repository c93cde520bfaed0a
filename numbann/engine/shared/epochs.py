"""The arrays of an epoch on any device: order of rows, bounds of batches, keys of noise, shares of the loss, rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from numbann.engine.shared import random
from numbann.engine.shared.alignment import aligned
from numbann.engine.shared.batches import Grouping, Stripes, equal_bounds, for_members, whole_batches
from numbann.engine.shared.hyperparameters import hyper_width, set_constants, set_rates
from numbann.engine.shared.weighting import Shares, means, means_within, weighted_mean
from numbann.errors import ShapeError
from numbann.network.description import STRIPED
from numbann.network.plan import Plan


class Epochs:
    """The arrays of an epoch over `count` rows, or over those of them whose numbers are given; `begin` fills them.

    weight (count,): how much each row counts.  group (count,): the group of each row, if batches hold whole groups.
    bounds (steps + 1,): where each batch begins in the order, and where the last one ends; batch: the most rows of one.
    extents (count, 2): where the group of each row in the order begins and ends; without groups it is the batch.
    hyper: the optimizer's numbers of each step, for each way of training.  decays: the weight decay of each step.  Each
    row comes as many times in a row as the network has members.
    """

    def __init__(
        self,
        plan: Plan,
        count: int,
        weight: np.ndarray | None,
        numbers: np.ndarray | None = None,
        group: np.ndarray | None = None,
    ) -> None:
        if group is not None and plan.shuffle is not None:
            raise ShapeError("shuffle: batches hold whole groups of rows, which stripes would cut; leave shuffle out")
        own = np.arange(count, dtype=np.int64) if numbers is None else np.array(numbers, np.int64)
        self.plan, self.numbers, self._own, self._count = plan, numbers, own, count
        self.order = for_members(own, plan.members)
        self.rows, batch = len(self.order), plan.batch_rows(len(own))
        self.grouping = None if group is None else Grouping(group[own], batch)
        self.batch = plan.members * (batch if self.grouping is None else self.grouping.most)
        bounds = equal_bounds(len(own), batch) if self.grouping is None else self.grouping.bounds
        self.bounds = bounds if plan.members == 1 else plan.members * bounds
        self.steps = len(self.bounds) - 1
        self._stripes = Stripes(bounds) if plan.shuffle == STRIPED and self.steps > 1 else None
        self.extents: np.ndarray | None = None if self.grouping is None else self.grouping.extents
        if self.extents is None and plan.by_groups:
            self.extents = whole_batches(self.bounds)
        self.index: int | None = None  # of the epoch whose order, keys and rates the arrays hold
        self.keys = np.zeros(plan.keys, np.int64)
        self.shares = None if weight is None else Shares(weight, self.bounds, plan.dtype)
        self.hyper = {tuning: aligned((self.steps, hyper_width(plan)), plan.dtype) for tuning in plan.tunings}
        self.decays = np.full(self.steps, plan.weight_decay)
        self._set_constants()

    def take_over(self, other: Epochs) -> bool:
        """Take the numbers of the optimizer from epochs of as many rows, whose tables then do; return whether they do.

        Tables have the addresses of these numbers.
        """
        same = (self.rows, self.batch, self.slots.keys()) == (other.rows, other.batch, other.slots.keys())
        if same and self.grouping is None and other.grouping is None:
            self.hyper = other.hyper
            return True
        return False

    def _set_constants(self) -> None:
        """Set the optimizer's numbers that do not change with the rates."""
        for tuning, hyper in self.hyper.items():
            set_constants(self.plan, hyper, tuning, np.diff(self.bounds) // self.plan.members)

    def begin(
        self,
        index: int,
        rates: np.ndarray,
        done: int,
        numbers: Mapping[str, np.ndarray],
        order: np.ndarray | None = None,
    ) -> None:
        """Fill the arrays for an epoch that begins after `done` steps.  Rows that fit in one batch keep their order.

        order: of the rows, in the place of a drawn one.
        """
        self.index = index
        self.decays[:] = numbers.get("weight_decay", self.plan.weight_decay)
        if order is None:
            self._draw(index)
        else:
            self._follow(order)
        if self.plan.members > 1:
            self.order[:] = for_members(self._own, self.plan.members)
        if len(self.keys):
            self.keys[:] = random.noise_keys(self.plan.seed, index, len(self.keys))
        if self.shares is not None:
            self.shares.follow(self.order)
        for tuning, hyper in self.hyper.items():
            set_rates(self.plan, hyper, tuning, rates, self.decays, done)

    def _draw(self, index: int) -> None:
        """Draw the order of an epoch."""
        if self.grouping is not None:
            self.grouping.draw(self._own, self.plan.seed, index)
            self.bounds[:] = self.plan.members * self.grouping.bounds
            self._set_constants()
        elif self._stripes is not None:
            self._stripes.draw(self._own, self.plan.seed, index)
        elif self.steps > 1:
            random.shuffle_epoch(self._own, self.plan.seed, index)
        if self.numbers is not None and (self.grouping is not None or self.steps > 1):
            self._own[:] = self.numbers[self._own]

    def _follow(self, order: np.ndarray) -> None:
        """Take an order; ShapeError unless it has the numbers of as many rows, and batches are of any rows."""
        if self.grouping is not None:
            raise ShapeError("order: batches hold whole groups of rows; leave order out")
        if order.shape != self._own.shape or order.astype(np.uint64).max() >= self._count:  # one below 0 is huge then
            raise ShapeError(f"order: give the numbers of {len(self._own)} rows, each below {self._count}")
        self._own[:] = order

    @property
    def slots(self) -> dict[str, np.ndarray]:
        """The arrays that only some epochs have, by their slots."""
        bounds = None if self.grouping is None else self.bounds
        shares = None if self.shares is None else self.shares.values
        found = {"shares": shares, "bounds": bounds, "extents": self.extents}
        return {name: array for name, array in found.items() if array is not None}

    def rows_of(self, step: int) -> int:
        """The rows of the batch of a step; the last batch may be shorter."""
        return int(self.bounds[step + 1] - self.bounds[step]) // self.plan.members

    def step_losses(
        self, row_loss: np.ndarray, steps: int | None = None, earlier: np.ndarray | Sequence[float] = ()
    ) -> np.ndarray:
        """The (weighted) mean loss of each of the first steps, from its rows' losses in the epoch's order.

        earlier: the losses of the first of them, where the epoch began elsewhere.
        """
        shares = None if self.plan.couples_losses else self.shares  # such a loss puts weights into rows' losses itself
        if shares is not None:
            found = shares.means(row_loss)
        else:
            found = means(row_loss, self.batch) if self.grouping is None else means_within(row_loss, self.bounds)
        found[: len(earlier)] = earlier
        return found[:steps]

    def mean_loss(self, row_loss: np.ndarray) -> float:
        """The mean of all batches' losses, each by the weight of its rows."""
        weight = np.ones(self.rows) if self.shares is None else self.shares.weight[self.order]
        return weighted_mean(self.step_losses(row_loss), np.add.reduceat(weight, self.bounds[:-1]))
