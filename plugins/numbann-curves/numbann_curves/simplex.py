"""Activations of a whole row, whose outputs are at least 0 and sum to 1."""

from __future__ import annotations

from math import sqrt

from numbann import activation, hookimpl, row_dot, row_max, row_sum

ROUNDS = 40  # more than Newton's method needs here: the function is convex and the start is left of its root


@activation(form="row", probabilities=True)
def entmax15(z, a):
    """1.5-entmax: a_k = max(z_k / 2 - tau, 0)^2, with tau such that the sum is 1; each in [0, 1].  z, a: one row (K,).

    Between softmax and sparsemax: smooth, with exact zeros.  Newton's method finds tau: it rises from max z / 2 - 1
    until it no longer changes.  With r_k = sqrt(a_k), dz_k = r_k (da_k - sum_j r_j da_j / sum_j r_j); the gradient is 0
    where a is 0.  Peters, Niculae and Martins 2019, https://arxiv.org/abs/1905.05702.
    """
    largest = row_max(z)
    tau, rise = -1.0, 1.0
    for _round in range(ROUNDS):
        if rise > 0:
            for k in range(len(z)):
                a[k] = _above(z[k] - largest, tau)
            slope = row_sum(a)
            higher = tau + 0.5 * (row_dot(a, a) - 1) / slope if slope > 0 else tau
            rise = higher - tau
            tau = higher if rise > 0 else tau
    for k in range(len(z)):
        a[k] = _above(z[k] - largest, tau) * _above(z[k] - largest, tau)


@entmax15.backward
def entmax15_backward(a, da, dz):
    for k in range(len(a)):
        dz[k] = sqrt(a[k])
    mean = row_dot(dz, da) / row_sum(dz)
    for k in range(len(a)):
        dz[k] = dz[k] * (da[k] - mean)


def _above(x, tau):
    """x / 2 - tau, or 0 where that is less."""
    r = 0.5 * x - tau
    return 0 if r < 0 else r


@activation(form="row", probabilities=True)
def taylor_softmax(z, a):
    """Taylor softmax: a_k = p_k / sum_j p_j with p = 1 + z + z^2 / 2, each in (0, 1), with sum 1.  z, a: one row (K,).

    p = ((1 + z)^2 + 1) / 2 is the start of the series of exp(z), and always positive.  dz_k = a_k (da_k -
    sum_j a_j da_j) (1 + z_k) / p_k.  Its tails are heavier than softmax's; below z = -1 outputs rise again.
    De Brebisson and Vincent 2015, https://arxiv.org/abs/1511.05042.
    """
    for k in range(len(z)):
        a[k] = abs(1 + z[k])
    size = max(row_max(a), 1.0)
    for k in range(len(z)):
        a[k] = (a[k] / size) * (a[k] / size) + (1 / size) * (1 / size)
    total = row_sum(a)
    for k in range(len(z)):
        a[k] = a[k] / total


@taylor_softmax.backward
def taylor_softmax_backward(z, a, da, dz):
    inner = row_dot(a, da)
    for k in range(len(a)):
        x = 1 + z[k]
        dz[k] = a[k] * (da[k] - inner) * (2 * x / (x * x + 1) if abs(x) < 1 else 2 / (x + 1 / x))


@hookimpl
def numbann_register(register):
    for component in (entmax15, taylor_softmax):
        register(component)
