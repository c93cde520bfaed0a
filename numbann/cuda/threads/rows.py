"""Reductions over one row by the lanes of a warp: each lane reduces its elements, then a fixed tree joins the lanes.

All lanes of the warp call them together, and every lane gets the same bits.
"""

from __future__ import annotations

from numbann.cuda.threads import lanes
from numbann.cuda.threads.device import inner


@inner
def row_max(x):
    """The largest element, NaN left out."""
    found = x.dtype.type(-float("inf"))
    for n in range(lanes.share(len(x))):
        k = lanes.element(n)
        if x[k] > found:
            found = x[k]
    return lanes.reduce_max(found)


@inner
def row_sum(x):
    """The sum of the elements."""
    total = x.dtype.type(0)
    for n in range(lanes.share(len(x))):
        k = lanes.element(n)
        total += x[k]
    return lanes.reduce_sum(total)


@inner
def row_dot(x, y):
    """The dot product of two rows."""
    total = x.dtype.type(0)
    for n in range(lanes.share(len(x))):
        k = lanes.element(n)
        total += x[k] * y[k]
    return lanes.reduce_sum(total)
