"""Metrics of what a loss gives beside values: intervals, a mean with a variance."""

from __future__ import annotations

from math import erf, pi, sqrt
from typing import Annotated

from annotated_types import Gt, Lt

from numbann.components.declare import metric
from numbann.mathematics.metrics.moments import average

Share = Annotated[float, Gt(0), Lt(1)]


@metric
def coverage(t, low, high, weight):
    """Coverage: the share of rows with low <= t <= high, mean over targets.

    Values in [0, 1]; between quantiles of 5 % and 95 % it should be 0.9.

    Example: coverage(t=[1, 2, 3, 9], low=[0, 1, 2, 3], high=[2, 3, 4, 5]) = 0.75
    Use: a loss that gives quantiles, such as quantiles.
    For: says whether intervals hold what they promise.
    Against: it ignores how wide they are.
    Trouble: a wide interval covers everything: compare the losses, too.  Too low a value on new rows is overfitting:
    stop earlier.
    Reference: Christoffersen 1998, https://doi.org/10.2307/2527341.
    """
    return float(average((low <= t) & (t <= high), weight).mean())


@metric
def normal_coverage(t, mean, variance, weight, level: Share = 0.9):
    """Normal coverage: the share of rows with |t - mean| <= z sqrt(variance), z such that a normal one has this level.

    Values in [0, 1]; it should be `level`.

    Example: normal_coverage(t=[0, 1, 2, 3], mean=[0, 0, 0, 0], variance=[1, 1, 1, 1]) = 0.5
    Use: a loss that gives a mean and a variance, such as gaussian_nll.
    For: says whether error bars hold what they promise.
    Against: it takes the noise as normal, and ignores how wide the bars are.
    Trouble: too low a value on new rows is overfitting: stop earlier; too high a one may be heavy tails.
    Reference: Christoffersen 1998, https://doi.org/10.2307/2527341.
    """
    from statistics import NormalDist

    reach = NormalDist().inv_cdf(0.5 + level / 2)
    return float(average((t - mean) ** 2 <= reach * reach * variance, weight).mean())


@metric(better="lower")
def crps(t, mean, variance, weight):
    """CRPS of a normal distribution: s (e (2 F(e) - 1) + 2 f(e) - 1 / sqrt(pi)), e = (t - mean) / s, s^2 = variance.

    Values in [0, inf).  F and f are the standard normal distribution and its density.  For a variance of 0 it is the
    absolute error.

    Example: crps(t=[0, 2], mean=[0, 0], variance=[1, 1]) = 0.843; crps(t=[0, 2], mean=[0, 0], variance=[4, 4]) = 0.836
    Use: predictions with an error bar, such as those of gaussian_nll.
    For: mean and variance in one number, in the target's unit.
    Against: it takes the distribution as normal.
    Trouble: outliers count less than in the likelihood, so that the two may rank models differently; choose by what
    errors cost.
    Reference: Gneiting and Raftery 2007, https://doi.org/10.1198/016214506000001437.
    """
    import numpy as np

    s = np.sqrt(variance)
    e = (t - mean) / (s + (s == 0))
    inside = np.frompyfunc(erf, 1, 1)(e / sqrt(2)).astype(np.float64)
    found = s * (e * inside + np.exp(-e * e / 2) * sqrt(2 / pi) - 1 / sqrt(pi))
    return float(average(np.where(s > 0, found, abs(t - mean)), weight).mean())
