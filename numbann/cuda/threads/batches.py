"""The place of a batch's rows in the arrays, and the count of steps."""

from __future__ import annotations

import functools
from typing import Any

from numbann.cuda.threads import op
from numbann.cuda.threads.device import inner, kernel

# Sources of x: rows of work as they lie; rows of data as they lie; rows of data in the epoch's order; EITHER of the
# first and the last: rows as they lie if start is negative
FROM_WORK, IN_ORDER, SHUFFLED, EITHER = 0, 1, 2, 3
ARENA, WORK, DATA = 0, 1, 2  # the arrays of numbers


@inner
def batch_rows(ints, step):
    """The number of rows in a step's batch; the last batch of an epoch may be smaller."""
    return min(ints[op.BATCH], ints[op.TOTAL] - step * ints[op.BATCH])


@kernel
def advance(arena, work, data, ints, layer, step):
    """Count `step` more steps of the epoch as done.  A CUDA graph ends with it, so the same graph can run again."""
    ints[op.BEGUN] += step


@functools.cache
def locate_row(source: int) -> Any:
    """Make the device function that gives the place in x of a row of a batch; start: the batch's first row."""

    @inner
    def in_work(ints, start, row):
        return row

    @inner
    def in_order(ints, start, row):
        return start + row

    @inner
    def shuffled(ints, start, row):
        return ints[ints[op.ORDER] + start + row]

    @inner
    def either(ints, start, row):
        return ints[ints[op.ORDER] + start + row] if start >= 0 else row

    return (in_work, in_order, shuffled, either)[source]
