"""Activations over a whole row, whose outputs share one sum.  Those of one unit alone live elsewhere."""

from __future__ import annotations

from math import exp

from numbann.component import activation
from numbann.hookspecs import hookimpl
from numbann.rows import row_dot, row_max, row_sum


@activation(form="row")
def softmax(z, a):
    """Softmax: a_k = exp(z_k) / sum_j exp(z_j), each in (0, 1), with sum 1.  z, a: one row (K,).

    dz_k = a_k (da_k - sum_j a_j da_j).  The largest z is subtracted first, so that no exp overflows.
    Bridle 1990, https://doi.org/10.1007/978-3-642-76153-9_28.
    """
    largest = row_max(z)
    for k in range(len(z)):
        a[k] = exp(z[k] - largest)
    total = row_sum(a)
    for k in range(len(z)):
        a[k] = a[k] / total


@softmax.backward
def softmax_backward(a, da, dz):
    inner = row_dot(a, da)
    for k in range(len(a)):
        dz[k] = a[k] * (da[k] - inner)


@hookimpl
def numbann_register(register):
    register(softmax)
