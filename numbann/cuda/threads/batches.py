"""Where the rows of a batch lie, and how steps are counted."""

from __future__ import annotations

import functools
from typing import Any

from numbann.cuda.threads import op
from numbann.cuda.threads.device import inner, kernel

# Where x is: rows of work, or of data, as they lie or in the epoch's order; EITHER: as they lie where start is negative
FROM_WORK, IN_ORDER, SHUFFLED, EITHER = 0, 1, 2, 3
ARENA, WORK, DATA = 0, 1, 2


@inner
def batch_rows(ints, step):
    """The rows of a step's batch; the last one of an epoch may be smaller."""
    return min(ints[op.BATCH], ints[op.TOTAL] - step * ints[op.BATCH])


@kernel
def advance(arena, work, data, ints, layer, step):
    """Let so many steps of the epoch be done."""
    ints[op.BEGUN] += step


@functools.cache
def locate_row(source: int) -> Any:
    """The device function that says where a row of a batch, which begins at `start`, is in x."""

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
