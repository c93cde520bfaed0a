"""Whole batches as kernels: their bounds, and what a loss of whole batches reads, in the batch's order.

Each thread gathers outputs, targets, weights and groups of its own rows; a barrier follows, since the loss of a row
reads all of them.
"""

from __future__ import annotations

from numbann.simd.jit import inner
from numbann.simd.op import BATCH, INDEX, ROWS, START
from numbann.simd.pointer import advance


def take_bounds(op, first, last, step, scratch):
    """The rows of a thread's batch by BOUNDS, in the place of those of equal batches; ops after this one see them."""
    start, end = op.BOUNDS[step[INDEX]], op.BOUNDS[step[INDEX] + 1]
    step[START], step[ROWS], step[BATCH] = start, end - start, end - start


def gather_outputs(op, first, last, step, scratch):
    """ALL_Y: one row after the other, without padding."""
    count = op.OUTPUTS
    for r in range(first, last):
        row, gathered = advance(op.A, r * op.A_ROW), advance(op.ALL_Y, r * count)
        for k in range(count):
            gathered[k] = row[k]


def gather_targets(op, first, last, step, scratch):
    """ALL_T: row after row, or column after column."""
    for r in range(first, last):
        row = advance(op.TARGET, _place(op, step, r) * op.TARGET_ROW)
        for k in range(op.TARGET_ROW):
            op.ALL_T[r * op.ALL_T_ROW + k * op.ALL_T_COLUMN] = row[k]


def gather_labels(op, first, last, step, scratch):
    """ALL_LABELS."""
    for r in range(first, last):
        op.ALL_LABELS[r] = op.LABELS[_place(op, step, r)]


def gather_weights(op, first, last, step, scratch):
    """ALL_WEIGHTS, which are 1 on average: shares of the batch times its rows."""
    for r in range(first, last):
        op.ALL_WEIGHTS[r] = op.SHARES[step[START] + r] * step[BATCH]


def gather_groups(op, first, last, step, scratch):
    """ALL_GROUPS and ALL_GROUP_ENDS, counted from the batch's first row."""
    for r in range(first, last):
        extent = advance(op.EXTENTS, 2 * (step[START] + r))
        op.ALL_GROUPS[r], op.ALL_GROUP_ENDS[r] = extent[0] - step[START], extent[1] - step[START]


@inner
def _place(op, step, r):
    """The place of a row of the batch among the targets."""
    return op.ORDER[op.MOVES * step[START] + r] + (1 - op.MOVES) * step[START]
