"""The stochastic training of an estimator: its epochs, by the engine, and the rows that are held out."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from numbann.engine.interface import Engine
from numbann.engine.shared.batches import equal_bounds
from numbann.sklearn.networks import take, weights_of
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
        self._estimator, self._engine, self._weight, self.listeners = estimator, engine, weight, listeners
        self.rows, self._order = rows, np.arange(rows)
        self._bounds = equal_bounds(rows, batch)
        self._sizes = np.diff(self._bounds)
        self._grown = np.arange(len(self._sizes)) / len(self._sizes)  # how much of an epoch is over before each step
        self._squares = self._squared()

    def epoch(self) -> float:
        """Train an epoch; return the mean loss of its rows, and of the penalty of alpha.

        The sum of squares of the weights is taken to grow evenly from step to step.
        """
        estimator, engine, steps = self._estimator, self._engine, len(self._sizes)
        if estimator.shuffle:
            places = np.arange(len(self._order))  # as sklearn.utils.shuffle does, without its checks
            estimator._random_state.shuffle(places)
            self._order = self._order[places]
        decays, own = estimator.alpha / self._totals(), engine.plan.optimizer
        before, rates = self._squares, rates_of(estimator, steps)
        if decays_itself(own):
            numbers, decays = np.full(steps, own.values["weight_decay"]), np.zeros(steps)
        else:
            numbers = decays
        try:
            epoch = estimator._optimizer.epochs
            progress = self.listeners.progress if self.listeners else None
            engine.epoch(epoch, rates, progress, (), {"weight_decay": numbers}, self._order)
        finally:
            take(estimator, engine.parameters())
        estimator._optimizer.epochs += 1
        self._squares = self._squared()
        penalties = decays * self._sizes / 2
        penalty = before * penalties.sum() + (self._squares - before) * (penalties @ self._grown)
        return float(engine.step_losses() @ self._sizes / mean_of(estimator) + penalty) / self.rows

    def _totals(self) -> np.ndarray:
        """The rows of each batch, or their weight."""
        if self._weight is None:
            return self._sizes
        totals = np.add.reduceat(self._weight[self._order], self._bounds[:-1])
        return np.where(totals == 0, 1, totals)

    def _squared(self) -> float:
        return sum(float(np.vdot(w, w)) for w in weights_of(self._estimator)[0]) if self._estimator.alpha else 0.0


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
