"""Metrics of predicted values."""

from __future__ import annotations

from typing import Any

from numbann.components.declare import metric
from numbann.mathematics.metrics.moments import average, variance

TINY = 2.0**-52  # the least size of a target that a relative error is taken of


@metric(better="lower", aliases=("mean_absolute_error",))
def mae(t, value, weight):
    """Mean absolute error: mean |value - t|, in the target's unit.  Outliers count in proportion to their distance.

    Values in [0, inf).

    Example: mae(t=[1, 2, 4], value=[2, 2, 7]) = 1.333
    Use: how far off a prediction is, on average; the one to tell people.
    For: in the target's unit, and outliers count in proportion.
    Against: it does not show a few very large errors: see rmse.
    Trouble: a model trained by mse aims at means and may lose against the median; train with the loss mae, or compare
    by rmse.
    Reference: Willmott and Matsuura 2005, https://doi.org/10.3354/cr030079.
    """
    return float(average(abs(value - t), weight).mean())


@metric(better="lower", aliases=("root_mean_squared_error",))
def rmse(t, value, weight):
    """Root mean squared error: sqrt(mean((value - t)^2)), mean over outputs, in the target's unit.

    Values in [0, inf); predicting the mean scores the target's standard deviation.

    Example: rmse(t=[1, 2, 4], value=[2, 2, 7]) = 1.826
    Use: regression; the default.
    For: in the target's unit, and large errors count more.
    Against: a few outliers decide it.
    Trouble: if it is much larger than mae, a few rows are far off: look at them, or train with huber.
    Reference: Chai and Draxler 2014, https://doi.org/10.5194/gmd-7-1247-2014.
    """
    return float((average((value - t) ** 2, weight) ** 0.5).mean())


@metric(better="lower", aliases=("mean_absolute_percentage_error",))
def mape(t, value, weight):
    """Mean absolute percentage error: mean |value - t| / max(|t|, 2^-52), as a share: 0.1 is ten per cent.

    Values in [0, inf).

    Example: mape(t=[10, 200], value=[11, 180]) = 0.1
    Use: positive targets over several orders of magnitude.
    For: without a unit, and easy to tell.
    Against: too high a prediction can cost more than too low a one.
    Trouble: a target of 0 makes it enormous; leave such rows out, or take mae.
    Reference: de Myttenaere, Golden, Le Grand and Rossi 2016, https://arxiv.org/abs/1605.02541.
    """
    size = abs(t)
    return float(average(abs(value - t) / (size + (TINY - size) * (size < TINY)), weight).mean())


@metric
def r2(t, value, weight):
    """Coefficient of determination: 1 - sum (t - value)^2 / sum (t - mean t)^2, mean over outputs; 1 is perfect.

    Values in (-inf, 1]; predicting the mean scores 0.  An output whose target never changes counts as 1 if it is
    predicted exactly, else as 0, as in scikit-learn.

    Example: r2(t=[1, 2, 4, 5], value=[1, 3, 4, 4]) = 0.8
    Use: regression; how much better than the mean a model is.
    For: without a unit, and with a natural zero.
    Against: it depends on the spread of the targets in the data.
    Trouble: below 0 the model is worse than the mean: it overfits, or new data differ; look at the training part's
    value.
    Reference: Kvalseth 1985, https://doi.org/10.1080/00031305.1985.10479448.
    """
    return _explained(average((t - value) ** 2, weight), variance(t, weight))


@metric
def explained_variance(t, value, weight):
    """Explained variance: 1 - var(t - value) / var(t), mean over outputs; 1 is perfect.

    Values in (-inf, 1].

    Example: explained_variance(t=[1, 2, 4, 5], value=[2, 3, 5, 6]) = 1; explained_variance(t=[1, 2, 4, 5], value=[1, 3,
    4, 4]) = 0.8
    Use: beside r2, to find a constant offset.
    For: it ignores one: predictions that are all too high by the same score 1.
    Against: it ignores one, which users will not.
    Trouble: if it is above r2, predictions are biased; train longer, or look whether the parts differ.
    Reference: Kvalseth 1985, https://doi.org/10.1080/00031305.1985.10479448.
    """
    return _explained(variance(t - value, weight), variance(t, weight))


def _explained(error: Any, spread: Any) -> float:
    """Return 1 - error / spread, mean over outputs; for an output without spread, 1 if there is no error, else 0."""
    constant = spread == 0
    scores = (1 - error / (spread + constant)) * ~constant + (constant & (error == 0))
    return float(scores.mean())
