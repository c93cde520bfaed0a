"""Normalization of a layer's products h as kernels, in training and after it: z = scale h^ + shift.

h^ = (h - mean) / sqrt(variance + epsilon) takes the place of h.  Mean and variance are those of a row (layer norm) or
of a column over the batch (batch norm).  A column belongs to one thread, which sums it in the order of the rows, so the
bits are the same for any number of threads.  The variance is summed in a second pass, from distances to the mean: the
difference of the mean square and the squared mean would cancel.  Layer norm: Ba, Kiros and Hinton 2016,
https://arxiv.org/abs/1607.06450; batch norm: Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167; both as in
torch.nn.LayerNorm and torch.nn.BatchNorm1d.
"""

from __future__ import annotations

from math import sqrt

from numba import carray

from numbann.simd.dense import block, lanes_like, panel_of
from numbann.simd.jit import inner
from numbann.simd.machine import prefer_wide
from numbann.simd.op import ROWS
from numbann.simd.pointer import advance, padded, view
from numbann.simd.rows import row_dot, row_sum, scale_row

EPSILON, MOMENTUM, SHARE = 0, 1, 2  # indices of the parameters; SHARE is 1 / OUTPUTS


@inner
def _pair(base, place, stride, width):
    """Two vectors, such as scale and shift: the elements of some columns in each."""
    return view(base, place, width), view(base, stride + place, width)


def layer_norm(op, first, last, step, scratch):
    """z over the rows first..last; FACTORS keeps each row's 1 / sqrt(variance + epsilon)."""
    prefer_wide()
    outputs, factors = op.OUTPUTS, op.FACTORS
    share, epsilon = op.PARAMETERS[SHARE], op.PARAMETERS[EPSILON]
    scale, shift = _pair(op.VECTORS, 0, op.COLUMNS, outputs)
    for r in range(first, last):
        h = view(op.H, r * op.H_ROW, outputs)
        z = view(op.Z, r * op.Z_ROW, outputs)
        mean = row_sum(h) * share
        for i in range(padded(h)):
            h[i] -= mean
        factors[r] = 1 / sqrt(row_dot(h, h) * share + epsilon)
        scale_row(h, factors[r])
        for i in range(padded(h)):
            z[i] = scale[i] * h[i] + shift[i]


def layer_norm_backward(op, first, last, step, scratch):
    """dh = factor (g - mean(g) - h^ mean(g h^)), g = scale dz, over the rows first..last, in place of dz."""
    prefer_wide()
    outputs, factors = op.OUTPUTS, op.FACTORS
    share = op.PARAMETERS[SHARE]
    scale, _ = _pair(op.VECTORS, 0, op.COLUMNS, outputs)
    for r in range(first, last):
        h = view(op.H, r * op.H_ROW, outputs)
        d = view(op.D, r * op.D_ROW, outputs)
        d_scale, d_shift = _pair(op.SLOPES, r * op.D_ROW, op.SLOPES_STRIDE, outputs)
        for i in range(padded(d)):
            d_scale[i] = d[i] * h[i]
            d_shift[i] = d[i]
            d[i] *= scale[i]
        mean, along = row_sum(d) * share, row_dot(d, h) * share
        for i in range(padded(d)):
            d[i] -= mean + h[i] * along
        scale_row(d, factors[r])


def batch_norm(op, first, last, step, scratch):
    """z for the panels first..last over all rows of the batch; the running statistics move towards those of the batch.

    FACTORS keeps each column's 1 / sqrt(variance + epsilon).  The running variance is unbiased, as in PyTorch.
    """
    prefer_wide()
    rows, epsilon = step[ROWS], op.PARAMETERS[EPSILON]
    momentum = op.PARAMETERS[MOMENTUM]
    for panel in range(first, last):
        column, _, width = panel_of(op, panel, lanes_like(scratch))
        mean, squares = carray(scratch, width), carray(advance(scratch, width), width)
        _sum_rows(op, column, mean, rows)
        _sum_squares(op, column, mean, squares, rows)
        factor = view(op.FACTORS, column, width)
        running, spread = _pair(op.STATISTICS, column, op.COLUMNS, width)
        for i in range(width):
            factor[i] = 1 / sqrt(squares[i] / rows + epsilon)
            running[i] += momentum * (mean[i] - running[i])
            if rows > 1:
                spread[i] += momentum * (squares[i] / (rows - 1) - spread[i])
        _normalize(op, column, mean, factor, rows)


@inner
def _sum_rows(op, column, mean, rows):
    """The mean of each column."""
    for i in range(len(mean)):
        mean[i] = 0
    for r in range(rows):
        h = view(op.H, r * op.H_ROW + column, len(mean))
        for i in range(len(mean)):
            mean[i] += h[i]
    for i in range(len(mean)):
        mean[i] /= rows


@inner
def _sum_squares(op, column, mean, squares, rows):
    """The sum of squares of each column's distances to its mean."""
    for i in range(len(squares)):
        squares[i] = 0
    for r in range(rows):
        h = view(op.H, r * op.H_ROW + column, len(mean))
        for i in range(len(mean)):
            squares[i] += (h[i] - mean[i]) * (h[i] - mean[i])


@inner
def _normalize(op, column, mean, factor, rows):
    """h^ in place of h, and z."""
    scale, shift = _pair(op.VECTORS, column, op.COLUMNS, len(mean))
    for r in range(rows):
        h = view(op.H, r * op.H_ROW + column, len(mean))
        z = view(op.Z, r * op.Z_ROW + column, len(mean))
        for i in range(len(mean)):
            h[i] = (h[i] - mean[i]) * factor[i]
            z[i] = scale[i] * h[i] + shift[i]


def batch_norm_backward(op, first, last, step, scratch):
    """dh = scale factor (dz - mean(dz) - h^ mean(dz h^)) for the panels first..last, in place of dz.

    The means are over the batch.  Their sums are the gradients to scale and shift, in the first row of the slopes.
    """
    prefer_wide()
    rows = step[ROWS]
    for panel in range(first, last):
        column, _, width = panel_of(op, panel, lanes_like(scratch))
        d_scale, d_shift = _pair(op.SLOPES, column, op.SLOPES_STRIDE, width)
        scale, _ = _pair(op.VECTORS, column, op.COLUMNS, width)
        factor = view(op.FACTORS, column, width)
        for i in range(width):
            d_scale[i], d_shift[i] = 0, 0
        for r in range(rows):
            h, d = _h_and_d(op, r, column, width)
            for i in range(width):
                d_scale[i] += d[i] * h[i]
                d_shift[i] += d[i]
        mean, along = carray(scratch, width), carray(advance(scratch, width), width)
        for i in range(width):
            mean[i], along[i] = d_shift[i] / rows, d_scale[i] / rows
        for r in range(rows):
            h, d = _h_and_d(op, r, column, width)
            for i in range(width):
                d[i] = scale[i] * factor[i] * (d[i] - mean[i] - h[i] * along[i])


@inner
def _h_and_d(op, r, column, width):
    """Some columns of a row of h and of d."""
    return view(op.H, r * op.H_ROW + column, width), view(op.D, r * op.D_ROW + column, width)


def running_norm(op, first, last, step, scratch):
    """z from the running statistics of a batch norm, after training."""
    prefer_wide()
    row, end, column, width = block(op, first, last, step, scratch)
    _, shift = _pair(op.VECTORS, column, op.COLUMNS, width)
    mean = view(op.STATISTICS, column, width)
    factor = _running_factor(op, column, width, scratch)
    for r in range(row, end):
        h = view(op.H, r * op.H_ROW + column, width)
        z = view(op.Z, r * op.Z_ROW + column, width)
        for i in range(width):
            z[i] = (h[i] - mean[i]) * factor[i] + shift[i]


def running_norm_backward(op, first, last, step, scratch):
    """dh in place of dz, with the running statistics as constants."""
    prefer_wide()
    row, end, column, width = block(op, first, last, step, scratch)
    factor = _running_factor(op, column, width, scratch)
    for r in range(row, end):
        d = view(op.D, r * op.D_ROW + column, width)
        for i in range(width):
            d[i] *= factor[i]


@inner
def _running_factor(op, column, width, scratch):
    """scale / sqrt(variance + epsilon) of each column, in the scratch area."""
    epsilon = op.PARAMETERS[EPSILON]
    scale, _ = _pair(op.VECTORS, column, op.COLUMNS, width)
    variance = view(op.STATISTICS, op.COLUMNS + column, width)
    factor = carray(scratch, width)
    for i in range(width):
        factor[i] = scale[i] / sqrt(variance[i] + epsilon)
    return factor
