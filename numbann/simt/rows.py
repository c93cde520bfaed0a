"""Reductions over one row by one thread, in the order of the row."""

from __future__ import annotations

from numbann.simt.device import inner


@inner
def row_max(x):
    """The largest element; NaN is left out."""
    found = x.dtype.type(-float("inf"))
    for k in range(len(x)):
        if x[k] > found:
            found = x[k]
    return found


@inner
def row_sum(x):
    """The sum."""
    total = x.dtype.type(0)
    for k in range(len(x)):
        total += x[k]
    return total


@inner
def row_dot(x, y):
    """The sum of products with another row."""
    total = x.dtype.type(0)
    for k in range(len(x)):
        total += x[k] * y[k]
    return total
