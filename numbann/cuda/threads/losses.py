"""The loss of each row of a batch, and the gradient of the batch's loss to the outputs, as a CUDA kernel.

The mathematics comes as device functions (numbann.cuda.compile.components).  A warp, or some of its lanes, computes a
row.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from numbann.cuda.threads import lanes, op
from numbann.cuda.threads.batches import batch_rows, locate_row
from numbann.cuda.threads.device import cuda, inner, kernel


@functools.cache
def row_loss(value: Any, slope: Any, labels: bool, source: int, weighted: bool, dtype: str) -> Any:
    """Make the kernel over all rows of the batch; its arguments are those of `make_row_loss`."""
    of_rows = make_row_loss(value, slope, labels, source, weighted, dtype)

    @kernel
    def losses(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        places, rows = ints[op.HEAD + layer * op.WIDTH :], batch_rows(ints, step)
        of_rows(work, data, ints, places, step, (0, rows, rows), cuda.grid(1), cuda.gridsize(1))

    return losses


def make_row_loss(value: Any, slope: Any, labels: bool, source: int, weighted: bool, dtype: str) -> Any:
    """Make the device function (work, data, ints, places, step, rows, thread, threads) of the loss of rows.

    value: the loss of an output, slope: its derivative; if slope is None, value is the loss of a row and fills dy.
    labels: targets are labels.  source: where the targets' rows lie.  weighted: rows have shares of the batch.

    The device function's rows are the first row, the end, and the number of rows in the batch; thread is a thread's
    number among `threads`, which share the rows.
    """
    scale = _weighted_share if weighted else _equal_share(dtype)
    if slope is None:
        return _loss_by_rows(value, labels, source, scale)
    return _loss_by_elements(value, slope, source, scale, dtype)


@functools.cache
def _loss_by_rows(value: Any, labels: bool, source: int, scale: Any) -> Any:
    """The loss of whole rows; a warp computes a row."""
    row, of_row = locate_row(source), _loss_of_row(value, labels)

    @inner
    def loss(work, data, ints, places, step, rows, thread, threads):
        outputs, start = places[op.OUTPUTS], step * ints[op.BATCH]
        for r in range(rows[0] + (thread >> lanes.SHIFT), rows[1], threads >> lanes.SHIFT):
            y_at, d_at = places[op.Y] + r * outputs, places[op.DY] + r * outputs
            y, dy = work[y_at : y_at + outputs], work[d_at : d_at + outputs]
            found = of_row(data, ints, places, row(ints, start, r), y, dy, work[places[op.LOSS] :])
            if lanes.index() == 0:
                work[ints[op.ROW_LOSS] + start + r] = found
            factor = scale(work, ints, start + r, rows[2])
            lanes.barrier()  # dy is complete, by whatever lanes have filled it
            for n in range(lanes.share(outputs)):
                dy[lanes.element(n)] *= factor

    return loss


@functools.cache
def _loss_by_elements(value: Any, slope: Any, source: int, scale: Any, dtype: str) -> Any:
    """The mean of the losses of a row's elements.

    A row has the lanes that its width fills, at most a warp, and their sum is a fixed tree.  The loop runs over whole
    groups of rows, past the end if need be: all lanes of a warp must reach the sum together.
    """
    number, row = np.dtype(dtype).type, locate_row(source)
    zero, one = number(0), number(1)

    @inner
    def loss(work, data, ints, places, step, rows, thread, threads):
        outputs, start, own = places[op.OUTPUTS], step * ints[op.BATCH], work[places[op.LOSS] :]
        shift, share = lanes.shift_for(outputs), one / number(outputs)
        width, first = 1 << shift, rows[0]
        lane = thread & (width - 1)
        while first < rows[1]:
            r, total = first + (thread >> shift), zero
            if r < rows[1]:
                y, dy = places[op.Y] + r * outputs, places[op.DY] + r * outputs
                target = places[op.TARGET] + row(ints, start, r) * outputs
                factor = scale(work, ints, start + r, rows[2])
                for n in range((outputs - lane + width - 1) >> shift):
                    k = lane + (n << shift)
                    total += value(work[y + k], data[target + k], own)
                    work[dy + k] = slope(work[y + k], data[target + k], own) * share * factor
            total = lanes.reduce_sum_of_group(total, width)
            if r < rows[1] and lane == 0:
                work[ints[op.ROW_LOSS] + start + r] = total * share
            first += threads >> shift

    return loss


@inner
def _weighted_share(work, ints, place, rows):
    """A row's share of its batch's loss, if rows are weighted."""
    return work[ints[op.SHARES] + place]


@functools.cache
def _equal_share(dtype: str) -> Any:
    number = np.dtype(dtype).type
    one = number(1)

    @inner
    def equal_share(work, ints, place, rows):
        return one / number(rows)

    return equal_share


@functools.cache
def _loss_of_row(value: Any, labels: bool) -> Any:
    """Make the device function that gives `value` a row with its label, or with its row of targets."""

    @inner
    def with_label(data, ints, places, n, y, dy, own):
        return value(y, ints[ints[op.LABELS] + n], dy, own)

    @inner
    def with_target(data, ints, places, n, y, dy, own):
        width = places[op.TARGET_ROW]
        t_at = places[op.TARGET] + n * width
        return value(y, data[t_at : t_at + width], dy, own)

    return with_label if labels else with_target
