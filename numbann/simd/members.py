"""Networks that share weights, as kernels: rows come in turn for each member of them.

The row r of an epoch is that of the member r % MEMBERS.  Members have scales of the inputs of their own, and columns of
their own in the last layer.
"""

from __future__ import annotations

from numbann.simd.dense import inputs, lanes_like, offsets
from numbann.simd.jit import inner
from numbann.simd.machine import prefer_wide
from numbann.simd.op import ROWS, START
from numbann.simd.pointer import advance, view
from numbann.simd.rows import copy_row


@inner
def member_of(op, r, step):
    """The member whose row r of the batch is."""
    return (step[START] + r) % op.MEMBERS


def scale_rows(op, first, last, step, scratch):
    """SCALED = x s over the rows first..last, with the s of each row's member."""
    prefer_wide()
    x, table = inputs(op, step), offsets(op, step)
    for r in range(first, last):
        given, scaled = advance(x, table[r]), view(op.SCALED, r * op.SCALED_ROW, op.INPUTS)
        s = advance(op.VECTORS, member_of(op, r, step) * op.INPUTS)
        for i in range(len(scaled)):
            scaled[i] = given[i] * s[i]


def scale_rows_backward(op, first, last, step, scratch):
    """For the panels first..last of the inputs: the sums over rows of the gradients to each s, and DX to x from x s."""
    prefer_wide()
    width, x, table = 4 * lanes_like(scratch), inputs(op, step), offsets(op, step)
    begin, end = first * width, min(last * width, op.INPUTS)
    for member in range(op.MEMBERS):
        sums = view(op.SLOPES, member * op.INPUTS + begin, end - begin)
        for i in range(len(sums)):
            sums[i] = 0
    for r in range(step[ROWS]):
        place = member_of(op, r, step) * op.INPUTS + begin
        s, sums, d = (
            advance(op.VECTORS, place),
            view(op.SLOPES, place, end - begin),
            advance(op.DX, r * op.DX_ROW + begin),
        )
        given = advance(x, table[r] + begin)
        for i in range(len(sums)):
            sums[i] += d[i] * given[i]
            d[i] *= s[i]


def take_own(op, first, last, step, scratch):
    """OUT: a member's own columns of A, for the rows first..last."""
    for r in range(first, last):
        own = r * op.A_ROW + member_of(op, r, step) * op.OUTPUTS
        copy_row(view(op.A, own, op.OUTPUTS), view(op.OUT, r * op.OUT_ROW, op.OUTPUTS))


def take_own_backward(op, first, last, step, scratch):
    """D in those columns, and zeros in all others, from D in the first ones."""
    count = op.OUTPUTS
    for r in range(first, last):
        d, begin = advance(op.D, r * op.D_ROW), member_of(op, r, step) * count
        for j in range(count):
            d[begin + j] = d[j]
        for j in range(begin):
            d[j] = 0
        for j in range(begin + count, op.MEMBERS * count):
            d[j] = 0
