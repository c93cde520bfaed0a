"""The stochastic training of an estimator: its epochs, by the engine, and the rows that are held out."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from numbann.engine.interface import Engine
from numbann.engine.shared.batches import equal_bounds
from numbann.sklearn.parameters import decays_itself, is_theirs
from numbann.sklearn.rates import rates_of

if TYPE_CHECKING:
    from numbann.sklearn.telling import Listeners


class Training:
    """A stochastic training of an estimator: the engine with its rows, and what scikit-learn counts in it."""

    def __init__(
        self,
        estimator: Any,
        engine: Engine,
        batch: int,
        weight: np.ndarray | None,
        rows: int,
        listeners: Listeners | None,
    ) -> None:
        self._estimator, self.engine, self._weight, self.listeners = estimator, engine, weight, listeners
        self.rows, self._order, self._places = rows, np.arange(rows), np.arange(rows)
        self._bounds = equal_bounds(rows, batch)
        self._sizes = np.diff(self._bounds)
        self._parts = self._sizes / (rows * mean_of(estimator))  # of a batch's loss in that of the epoch
        self._grown = np.arange(len(self._sizes)) / len(self._sizes)  # how much of an epoch is over before each step
        self._own_decay = engine.plan.optimizer.values["weight_decay"] if decays_itself(engine.plan.optimizer) else None
        self._squares = self._squared()

    def epoch(self) -> float:
        """Train an epoch; return the mean loss of its rows, and of the penalty of alpha.

        The sum of squares of the weights is taken to grow evenly from step to step.
        """
        estimator, engine = self._estimator, self.engine
        if estimator.shuffle:
            places = self._places.copy()  # as sklearn.utils.shuffle does, without its checks
            estimator._random_state.shuffle(places)
            self._order = self._order[places]
        decays, before = self._decays(), self._squares
        progress = self.listeners.progress if self.listeners else None
        rates = rates_of(estimator, len(self._sizes))
        engine.epoch(estimator._optimizer.epochs, rates, progress, (), {"weight_decay": decays}, self._order)
        estimator._optimizer.epochs += 1
        loss = float(engine.step_losses() @ self._parts)
        if not estimator.alpha or self._own_decay is not None:
            return loss
        self._squares = self._squared()
        penalties = decays * self._sizes / (2 * self.rows)
        return loss + before * float(penalties.sum()) + (self._squares - before) * float(penalties @ self._grown)

    def _decays(self) -> np.ndarray:
        """The weight decay of each step: alpha over the rows of its batch, or over their weight."""
        if self._own_decay is not None:
            return np.full(len(self._sizes), self._own_decay)
        if self._weight is None:
            totals = self._sizes
        else:
            totals = np.add.reduceat(self._weight[self._order], self._bounds[:-1])
            totals[totals == 0] = 1
        found: np.ndarray = self._estimator.alpha / totals
        return found

    def _squared(self) -> float:
        return self.engine.squares() if self._estimator.alpha else 0.0


@dataclass(frozen=True)
class Held:
    """Rows that are held out for early stopping.  y: as it was given; t: as the loss takes it."""

    engine: Engine
    x: Any
    y: np.ndarray
    weight: np.ndarray | None
    t: np.ndarray

    def evaluate(self) -> tuple[float, np.ndarray]:
        """The mean loss and the outputs."""
        return self.engine.evaluate(self.x, self.t, self.weight)


def listeners_of(estimator: Any) -> AbstractContextManager[Listeners | None]:
    """The callbacks of an estimator while it is fitted; None if there are none."""
    if not estimator.callbacks:
        return nullcontext()
    from numbann.sklearn.telling import listening  # here, since it takes the course of runs along

    return listening(estimator)


def mean_of(estimator: Any) -> int:
    """The outputs over which scikit-learn takes the mean of a row's loss; it adds up losses of another kind."""
    added_up = is_theirs(estimator, "loss") and estimator.out_activation_ == "identity"
    return int(estimator.n_outputs_) if added_up else 1
