"""Losses from papers, as plugin writers write them from the documentation alone: a plugin in one file."""

from __future__ import annotations

from math import exp, lgamma, log, log1p

from numbann import Positive, hookimpl, loss, row_max


@loss(link="exponential", target="positive")
def gamma_deviance(y, t):
    """Gamma deviance: 2 (t / mean - 1 - log(t / mean)), mean = exp(y).  Nelder and Wedderburn 1972."""
    ratio = t * exp(-y)
    return 2 * (ratio - 1 - log(t) + y)


@loss(link="exponential", target="nonnegative")
def negative_binomial(y, t, dispersion: Positive = 0.5):
    """Negative binomial: -log P(t), of mean m = exp(y) and variance m + dispersion m^2; t = 0, 1, 2, ...

    Hilbe 2011, doi:10.1017/CBO9780511973420, page 190, with all terms, so that it is a likelihood.
    """
    r = 1 / dispersion
    x = y + log(dispersion)  # of m / r
    above = (0 if x < 0 else x) + log1p(exp(-abs(x)))  # log(1 + m / r)
    return lgamma(r) + lgamma(t + 1) - lgamma(t + r) + (t + r) * above - t * x


@loss(form="row", link="sigmoid", target="binary")
def zlpr(y, t, dy):
    """ZLPR: log(1 + sum_k t_k exp(-y_k)) + log(1 + sum_k (1 - t_k) exp(y_k)).  Su et al. 2022, arXiv:2208.02955."""
    for k in range(len(y)):
        dy[k] = -y[k] if t[k] > 0 else 0
    below = max(row_max(dy), 0)
    for k in range(len(y)):
        dy[k] = y[k] if t[k] < 1 else 0
    above = max(row_max(dy), 0)
    yes, no = exp(-below), exp(-above)
    for k in range(len(y)):
        if t[k] > 0:
            yes += t[k] * exp(-y[k] - below)
        if t[k] < 1:
            no += (1 - t[k]) * exp(y[k] - above)
    for k in range(len(y)):
        slope = 0 * y[k]
        if t[k] > 0:
            slope -= t[k] * exp(-y[k] - below) / yes
        if t[k] < 1:
            slope += (1 - t[k]) * exp(y[k] - above) / no
        dy[k] = slope
    return log(yes) + below + log(no) + above


@hookimpl
def numbann_register(register):
    for component in (gamma_deviance, negative_binomial, zlpr):
        register(component)
