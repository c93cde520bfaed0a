"""Losses of several outputs and metrics from papers, as plugin writers write them from the documentation alone."""

from __future__ import annotations

from math import exp, log1p

import numpy as np

from numbann import NonNegative, activation, hookimpl, loss, metric, stop_gradient


@loss(surrogate=True)
def weighted_nll(mean, log_variance, t, power: NonNegative = 0.5):
    """Beta-NLL: v^power (log v + (mean - t)^2 / v) / 2, without a gradient to the first.  Seitzer et al. 2022."""
    v = exp(log_variance)
    return stop_gradient(v**power) * (log_variance + (mean - t) * (mean - t) / v) / 2


@weighted_nll.gives(mean="target", deviation="difference")
def normal(mean, log_variance):
    return mean, exp(log_variance / 2)


@loss
def three_quantiles(low, middle, high, t):
    """Pinball: the sum of the quantile losses of 10, 50 and 90 %.  Koenker and Bassett 1978."""
    return pinball(low, t, 0.1) + pinball(middle, t, 0.5) + pinball(high, t, 0.9)


@three_quantiles.gives(middle="target", low="target", high="target")
def ends(low, middle, high):
    return middle, low, high


def pinball(y, t, q):
    return q * (t - y) if y < t else (1 - q) * (y - t)


@activation(form="row", probabilities=True)
def rank_chances(z, a):
    """Rank chances: a_k = sigmoid(z_0) ... sigmoid(z_k).  Shi, Cao and Raschka 2021, arXiv:2111.08851."""
    chance = 1.0
    for k in range(len(z)):
        chance = chance / (1 + exp(-z[k]))
        a[k] = chance


@rank_chances.backward
def rank_chances_backward(z, a, da, dz):
    total = 0.0
    for j in range(len(z)):
        k = len(z) - 1 - j
        total += a[k] * da[k]
        dz[k] = total / (1 + exp(z[k]))


@loss(form="row", link="rank_chances", target="order")
def ranks(y, label, dy):
    """Ranks: the cross-entropies of "above k" over the k up to the label.  Shi, Cao and Raschka 2021."""
    value = 0
    for k in range(len(y)):
        asked, above = (1 if k <= label else 0), (1 if k < label else 0)
        value += asked * ((0 if y[k] < 0 else y[k]) + log1p(exp(-abs(y[k]))) - above * y[k])
        dy[k] = asked * (1 / (1 + exp(-y[k])) - above)
    return value


@metric
def weighted_kappa(t, label):
    """Weighted kappa with squared weights, of a table of counts.  Cohen 1968."""
    size = int(max(t.max(), label.max())) + 1
    table = np.zeros((size, size))
    np.add.at(table, (t.astype(int), label.astype(int)), 1)
    distance = np.subtract.outer(np.arange(size), np.arange(size)) ** 2
    chance = np.outer(table.sum(1), table.sum(0)) / table.sum()
    return 1 - (distance * table).sum() / (distance * chance).sum()


@metric(better="lower")
def expected_error(t, probability, bins: int = 10):
    """Expected calibration error, bin by bin.  Guo et al. 2017, arXiv:1706.04599."""
    sure, right = probability.max(1), probability.argmax(1) == t
    place = np.minimum((sure * bins).astype(int), bins - 1)
    groups = [place == b for b in range(bins) if (place == b).any()]
    return sum(abs(right[rows].mean() - sure[rows].mean()) * rows.mean() for rows in groups)


@hookimpl
def numbann_register(register):
    for one in (weighted_nll, three_quantiles, rank_chances, ranks, weighted_kappa, expected_error):
        register(one)
