"""A trained scale of the inputs as kernels: x s over rows, and the gradient to s from the gradient to w.

With G = x' d, the gradient to diag(s) w: dw = diag(s) G, and ds_i is the sum over o of w_io G_io.
"""

from __future__ import annotations

from numbann.simd.dense import inputs, lanes_like, offsets, panel_of, panels
from numbann.simd.machine import prefer_wide
from numbann.simd.pointer import advance, view
from numbann.simd.rows import row_dot, scale_row


def scale_rows(op, first, last, step, scratch):
    """SCALED = x s over the rows first..last."""
    prefer_wide()
    x, table, s = inputs(op, step), offsets(op, step), op.VECTORS
    for r in range(first, last):
        given, scaled = advance(x, table[r]), view(op.SCALED, r * op.SCALED_ROW, op.INPUTS)
        for i in range(len(scaled)):
            scaled[i] = given[i] * s[i]


def scale_slopes(op, first, last, step, scratch):
    """The gradient DX to the inputs, from that to x s, over the rows first..last."""
    prefer_wide()
    s = op.VECTORS
    for r in range(first, last):
        d = advance(op.DX, r * op.DX_ROW)
        for i in range(op.DX_COLUMNS):
            d[i] *= s[i]


def finish_scale(op, first, last, step, scratch):
    """For the rows first..last of w: turn GROUP_W from G into dw, and write ds to GROUP_VECTOR."""
    prefer_wide()
    lanes, s, slopes = lanes_like(scratch), op.VECTORS, op.GROUP_VECTOR
    for i in range(first, last):
        slopes[i] = 0
        for panel in range(panels(op, lanes)):
            column, _, width = panel_of(op, panel, lanes)
            place = column * op.INPUTS_PADDED + i * width
            gradient = view(op.GROUP_W, place, width)
            slopes[i] += row_dot(view(op.W, place, width), gradient)
            scale_row(gradient, s[i])
