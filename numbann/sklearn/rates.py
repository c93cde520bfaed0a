"""The learning rate of every step: by scikit-learn's own objects, which also say when to stop, or by a schedule."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, BaseOptimizer, SGDOptimizer

from numbann.fit.rates import Rates
from numbann.sklearn.parameters import rate_of, schedule_of


def start_optimizer(estimator: Any) -> Any:
    """Return scikit-learn's own object, which follows rate and stopping.

    It also has the state of the engine's optimizer, the states of a schedule, and the number of epochs done.
    """
    rate, numbers = rate_of(estimator), (estimator.momentum, estimator.nesterovs_momentum, estimator.power_t)
    if schedule_of(estimator) is not None:
        found = BaseOptimizer(rate)
    elif estimator.solver == "adam":
        found = AdamOptimizer([], rate, estimator.beta_1, estimator.beta_2, estimator.epsilon)
    else:
        found = SGDOptimizer([], rate, estimator.learning_rate, *numbers)
    found.state, found.states, found.epochs = {}, (), 0
    return found


def rates_of(estimator: Any, steps: int) -> np.ndarray:
    """Return the rate of each step of the next epoch.  A schedule runs over max_iter epochs."""
    kept, chosen = estimator._optimizer, schedule_of(estimator)
    if chosen is None:
        return np.full(steps, kept.learning_rate)
    losses = estimator.validation_loss_curve_ or estimator.loss_curve_
    rates = Rates(chosen[0], rate_of(estimator), chosen[1], estimator.max_iter, steps)
    found, kept.states = rates.of_epoch(kept.epochs, losses[-1] if kept.epochs else inf, kept.states)
    kept.learning_rate = float(found[-1])
    return found
