"""Metrics, as plain NumPy on the host, in the target's own unit.  A metric is reported, never minimised: see losses/.

t (N,) or (N, O) is the target, label (N,) the predicted class and value (N, O) the prediction.
"""

from __future__ import annotations

from math import sqrt

from numbann.component import metric
from numbann.hookspecs import hookimpl


@metric
def accuracy(t, label):
    """Accuracy: the share of rows whose class is predicted, in [0, 1]."""
    return float((t == label).mean())


@metric(better="lower", aliases=("root_mean_squared_error",))
def rmse(t, value):
    """Root mean squared error: sqrt(mean((value - t)^2)), in the target's unit."""
    return sqrt(((value - t) ** 2).mean())


@metric
def r2(t, value):
    """Coefficient of determination: 1 - sum (t - value)^2 / sum (t - mean t)^2, mean over outputs; 1 is perfect.

    An output whose target never changes counts as 1 if it is predicted exactly, else as 0, as in scikit-learn.
    """
    error = ((t - value) ** 2).sum(0)
    spread = ((t - t.mean(0)) ** 2).sum(0)
    constant = spread == 0
    scores = (1 - error / (spread + constant)) * ~constant + (constant & (error == 0))
    return float(scores.mean())


@hookimpl
def numbann_register(register):
    for component in (accuracy, rmse, r2):
        register(component)
