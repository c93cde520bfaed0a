"""Losses over the rows of a batch as a CUDA kernel: each row's loss, and the gradient of the batch's to the outputs.

The mathematics comes as device functions (numbann.compile.cuda).  A thread does a row.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from numbann.simt import op
from numbann.simt.device import cuda, inner, kernel
from numbann.simt.products import batch_rows, row_of


@functools.cache
def row_loss(value: Any, slope: Any, labels: bool, source: int, weighted: bool, dtype: str) -> Any:
    """The kernel over rows, which are those of `loss_of_row`."""
    of_row = loss_of_row(value, slope, labels, source, weighted, dtype)

    @kernel
    def losses(arena, work, data, ints, layer, step):
        step += ints[op.BEGUN]
        at, rows = op.HEAD + layer * op.WIDTH, batch_rows(ints, step)
        for r in range(cuda.grid(1), rows, cuda.gridsize(1)):
            of_row(work, data, ints, at, step, r, rows)

    return losses


@functools.cache
def loss_of_row(value: Any, slope: Any, labels: bool, source: int, weighted: bool, dtype: str) -> Any:
    """The device function of a row of a batch of so many: its loss, and the gradient of the batch's to its outputs.

    slope None: `value` is of whole rows and fills dy.  weighted: by shares of the batch.
    """
    row = row_of(source)
    of_row = _of_row(value, labels) if slope is None else _of_elements(value, slope, dtype)
    scale = _share if weighted else _even(dtype)

    @inner
    def loss(work, data, ints, at, step, r, rows):
        outputs, start = ints[at + op.OUTPUTS], step * ints[op.BATCH]
        y_at, d_at = ints[at + op.Y] + r * outputs, ints[at + op.DY] + r * outputs
        y, dy = work[y_at : y_at + outputs], work[d_at : d_at + outputs]
        found = of_row(data, ints, at, row(ints, start, r), y, dy, work[ints[at + op.LOSS] :])
        work[ints[op.ROW_LOSS] + start + r] = found
        factor = scale(work, ints, start + r, rows)
        for k in range(outputs):
            dy[k] *= factor

    return loss


@inner
def _share(work, ints, place, rows):
    """What a row has of its batch's loss, where rows are weighted."""
    return work[ints[op.SHARES] + place]


@functools.cache
def _even(dtype: str) -> Any:
    number = np.dtype(dtype).type
    one = number(1)

    @inner
    def even(work, ints, place, rows):
        return one / number(rows)

    return even


@functools.cache
def _of_row(value: Any, labels: bool) -> Any:
    """The loss of a row as a whole."""

    @inner
    def with_label(data, ints, at, n, y, dy, own):
        return value(y, ints[ints[op.LABELS] + n], dy, own)

    @inner
    def with_target(data, ints, at, n, y, dy, own):
        width = ints[at + op.TARGET_ROW]
        t_at = ints[at + op.TARGET] + n * width
        return value(y, data[t_at : t_at + width], dy, own)

    return with_label if labels else with_target


@functools.cache
def _of_elements(value: Any, slope: Any, dtype: str) -> Any:
    """The mean of the losses of a row's elements."""
    number = np.dtype(dtype).type
    zero, one = number(0), number(1)

    @inner
    def of_row(data, ints, at, n, y, dy, own):
        total, share = zero, one / number(len(y))
        target = ints[at + op.TARGET] + n * len(y)
        for k in range(len(y)):
            t = data[target + k]
            total += value(y[k], t, own)
            dy[k] = slope(y[k], t, own) * share
        return total * share

    return of_row
