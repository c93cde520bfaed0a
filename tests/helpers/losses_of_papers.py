"""Losses from papers, as plugin writers write them from the documentation alone: a plugin in one file."""

from __future__ import annotations

from math import exp, log

from numbann import hookimpl, loss, row_max


@loss(link="exponential", target="positive")
def gamma_deviance(y, t):
    """Gamma deviance: 2 (t / mean - 1 - log(t / mean)), mean = exp(y).  Nelder and Wedderburn 1972."""
    ratio = t * exp(-y)
    return 2 * (ratio - 1 - log(t) + y)


@loss(form="row", link="sigmoid", target="binary")
def zlpr(y, t, dy):
    """ZLPR: log(1 + sum_k t_k exp(-y_k)) + log(1 + sum_k (1 - t_k) exp(y_k)).  Su et al. 2022, arXiv:2208.02955."""
    for k in range(len(y)):
        dy[k] = -y[k]
    below, above = max(row_max(dy), 0), max(row_max(y), 0)
    yes, no = exp(-below), exp(-above)
    for k in range(len(y)):
        yes += t[k] * exp(-y[k] - below)
        no += (1 - t[k]) * exp(y[k] - above)
    for k in range(len(y)):
        dy[k] = (1 - t[k]) * exp(y[k] - above) / no - t[k] * exp(-y[k] - below) / yes
    return log(yes) + below + log(no) + above


@hookimpl
def numbann_register(register):
    for component in (gamma_deviance, zlpr):
        register(component)
