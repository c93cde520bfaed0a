"""Norms of rows and of batches, on ordinary arrays, from Python and from @njit code; layers.py makes kernels of them.

The formulas are those of the engine (simd/norm.py); a way back needs the inputs of the way forward, and nothing else.
Rows are those of the last dimension.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from numbann.errors import KernelValueError
from numbann.kernels.arrays import (
    SHARED,
    as_rows,
    check_shapes,
    check_units,
    clear,
    copy,
    opaque,
    overlap,
    padded_row,
    result_like,
    shifted,
)
from numbann.simd.jit import inner
from numbann.simd.rows import row_dot, row_sum
from numbann.simd.sizes import NORM_EPSILON, NORM_MOMENTUM

LEAST = "{}: epsilon is {}; give a number > 0"


def layer_norm(h, scale, shift, epsilon=NORM_EPSILON, out=None):
    """Layer norm: z = scale (h - mean) / sqrt(variance + epsilon) + shift, mean and variance of each row.

    h (B, O), scale and shift (O,) -> z (B, O).  Ba, Kiros and Hinton 2016, https://arxiv.org/abs/1607.06450.
    """
    result = result_like("layer_norm: h and out", h, out)
    _check_one("layer_norm", epsilon, h, result, scale, shift)
    x, z = as_rows(h), as_rows(result)
    check_units("layer_norm", "scale", x, scale)
    check_units("layer_norm", "shift", x, shift)
    row = padded_row(x)
    for r in range(x.shape[0]):
        factor = _normalize(x[r], row, True, epsilon)
        for k in range(len(row)):
            z[r, k] = scale[k] * (row[k] * factor) + shift[k]
    return result


def layer_norm_backward(dz, h, scale, epsilon=NORM_EPSILON, out=None):
    """The gradients of layer_norm: dz, h (B, O), scale (O,) -> dh (B, O), dscale (O,), dshift (O,).

    dh = (g - mean(g) - n mean(g n)) / root, g = scale dz, n = (h - mean) / root, root = sqrt(variance + epsilon).
    """
    dh, dscale, dshift = _three(h, out)
    _check_three("layer_norm_backward", epsilon, dz, h, scale, dh, dscale, dshift)
    x, d, result = as_rows(h), as_rows(dz), as_rows(dh)
    row, back = padded_row(x), padded_row(x)
    share = h.dtype.type(1) / h.dtype.type(x.shape[1])
    clear(dscale)
    clear(dshift)
    for r in range(x.shape[0]):
        factor = _normalize(x[r], row, True, epsilon)
        for k in range(len(row)):
            row[k] *= factor
            dscale[k] += d[r, k] * row[k]
            dshift[k] += d[r, k]
            back[k] = scale[k] * d[r, k]
        mean, along = row_sum(back) * share, row_dot(back, row) * share
        for k in range(len(row)):
            result[r, k] = factor * (back[k] - mean - row[k] * along)
    return dh, dscale, dshift


def rms_norm(h, scale, epsilon=NORM_EPSILON, out=None):
    """Norm by the root of the mean square: z = scale h / sqrt(mean(h^2) + epsilon), of each row.

    h (B, O), scale (O,) -> z (B, O).  Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467.
    """
    result = result_like("rms_norm: h and out", h, out)
    _check_one("rms_norm", epsilon, h, result, scale, scale)
    x, z = as_rows(h), as_rows(result)
    check_units("rms_norm", "scale", x, scale)
    row = padded_row(x)
    for r in range(x.shape[0]):
        factor = _normalize(x[r], row, False, epsilon)
        for k in range(len(row)):
            z[r, k] = scale[k] * (row[k] * factor)
    return result


def rms_norm_backward(dz, h, scale, epsilon=NORM_EPSILON, out=None):
    """The gradients of rms_norm: dz, h (B, O), scale (O,) -> dh (B, O), dscale (O,).

    dh = (g - n mean(g n)) / sqrt(mean(h^2) + epsilon), with g = scale dz and n = h / sqrt(mean(h^2) + epsilon).
    """
    dh, dscale = _two(h, out)
    _check_three("rms_norm_backward", epsilon, dz, h, scale, dh, dscale, None)
    x, d, result = as_rows(h), as_rows(dz), as_rows(dh)
    row, back = padded_row(x), padded_row(x)
    share = h.dtype.type(1) / h.dtype.type(x.shape[1])
    clear(dscale)
    for r in range(x.shape[0]):
        factor = _normalize(x[r], row, False, epsilon)
        for k in range(len(row)):
            row[k] *= factor
            dscale[k] += d[r, k] * row[k]
            back[k] = scale[k] * d[r, k]
        along = row_dot(back, row) * share
        for k in range(len(row)):
            result[r, k] = factor * (back[k] - row[k] * along)
    return dh, dscale


@inner
def _normalize(source, row, centred, epsilon):
    """row = source, less its mean if centred; return 1 / sqrt(mean(row^2) + epsilon)."""
    one = row.dtype.type(1)
    share = one / row.dtype.type(len(row))
    copy(source, row)
    if centred:
        mean = row_sum(row) * share
        for k in range(len(row)):
            row[k] -= mean
    return one / sqrt(row_dot(row, row) * share + row.dtype.type(opaque(epsilon)))


def batch_norm(h, scale, shift, mean=None, variance=None, momentum=NORM_MOMENTUM, epsilon=NORM_EPSILON, out=None):
    """Batch norm in training: z = scale (h - mean_B) / sqrt(variance_B + epsilon) + shift, over the rows of a batch.

    h (B, O), scale and shift (O,) -> z (B, O).  mean and variance (O,), if both are given, are running statistics and
    move by momentum towards those of the batch, the variance without bias.  Ioffe and Szegedy 2015,
    https://arxiv.org/abs/1502.03167; as torch.nn.BatchNorm1d.
    """
    result = result_like("batch_norm: h and out", h, out)
    _check_one("batch_norm", epsilon, h, result, scale, shift)
    x, z = as_rows(h), as_rows(result)
    check_units("batch_norm", "scale", x, scale)
    check_units("batch_norm", "shift", x, shift)
    rows, means, squares = x.shape[0], padded_row(x), padded_row(x)
    _columns(x, means, squares)
    if mean is not None and variance is not None:
        check_units("batch_norm", "mean", x, mean)
        check_units("batch_norm", "variance", x, variance)
        _check_statistic("mean", mean, h, scale, shift, result)
        _check_statistic("variance", variance, h, scale, shift, result)
        if overlap(mean, variance):
            raise KernelValueError(SHARED, "batch_norm", "mean", "variance")
        step = h.dtype.type(opaque(momentum))
        for k in range(len(means)):
            mean[k] += step * (means[k] - mean[k])
            if rows > 1:
                variance[k] += step * (squares[k] / h.dtype.type(rows - 1) - variance[k])
    elif mean is not None or variance is not None:
        raise KernelValueError("batch_norm: give both mean and variance, or neither")
    _to_factors(squares, rows, epsilon)
    for r in range(rows):
        for k in range(len(means)):
            z[r, k] = scale[k] * ((x[r, k] - means[k]) * squares[k]) + shift[k]
    return result


def batch_norm_backward(dz, h, scale, epsilon=NORM_EPSILON, out=None):
    """The gradients of batch_norm: dz, h (B, O), scale (O,) -> dh (B, O), dscale (O,), dshift (O,).

    dh = scale (dz - mean(dz) - n mean(dz n)) / root, n = (h - mean) / root, root = sqrt(variance + epsilon); all means
    are over the rows.
    """
    dh, dscale, dshift = _three(h, out)
    _check_three("batch_norm_backward", epsilon, dz, h, scale, dh, dscale, dshift)
    x, d, result = as_rows(h), as_rows(dz), as_rows(dh)
    rows, means, factors = x.shape[0], padded_row(x), padded_row(x)
    _columns(x, means, factors)
    _to_factors(factors, rows, epsilon)
    clear(dscale)
    clear(dshift)
    for r in range(rows):
        for k in range(len(means)):
            dscale[k] += d[r, k] * ((x[r, k] - means[k]) * factors[k])
            dshift[k] += d[r, k]
    share = h.dtype.type(1) / h.dtype.type(rows)
    for r in range(rows):
        for k in range(len(means)):
            n = (x[r, k] - means[k]) * factors[k]
            result[r, k] = scale[k] * factors[k] * (d[r, k] - dshift[k] * share - n * (dscale[k] * share))
    return dh, dscale, dshift


def running_norm(h, scale, shift, mean, variance, epsilon=NORM_EPSILON, out=None):
    """Batch norm after training: z = scale (h - mean) / sqrt(variance + epsilon) + shift, by running statistics.

    h (B, O), scale, shift, mean and variance (O,) -> z (B, O).
    """
    result = result_like("running_norm: h and out", h, out)
    _check_one("running_norm", epsilon, h, result, scale, shift)
    _check_one("running_norm", epsilon, h, result, mean, variance)
    x, z = as_rows(h), as_rows(result)
    check_units("running_norm", "scale", x, scale)
    check_units("running_norm", "shift", x, shift)
    check_units("running_norm", "mean", x, mean)
    check_units("running_norm", "variance", x, variance)
    factors, least = padded_row(x), h.dtype.type(opaque(epsilon))
    for k in range(len(factors)):
        factors[k] = scale[k] / sqrt(variance[k] + least)
    for r in range(x.shape[0]):
        for k in range(len(factors)):
            z[r, k] = (x[r, k] - mean[k]) * factors[k] + shift[k]
    return result


@inner
def _columns(x, means, squares):
    """The mean of each column, and the sum of squares of its distances to it; in the order of the rows."""
    rows = means.dtype.type(x.shape[0])
    for r in range(x.shape[0]):
        for k in range(len(means)):
            means[k] += x[r, k]
    for k in range(len(means)):
        means[k] /= rows
    for r in range(x.shape[0]):
        for k in range(len(means)):
            squares[k] += (x[r, k] - means[k]) * (x[r, k] - means[k])


@inner
def _to_factors(squares, rows, epsilon):
    """1 / sqrt(variance + epsilon) in the place of each column's sum of squares."""
    one, count, least = squares.dtype.type(1), squares.dtype.type(rows), squares.dtype.type(opaque(epsilon))
    for k in range(len(squares)):
        squares[k] = one / sqrt(squares[k] / count + least)


# ---- checks


@inner
def _check_one(name, epsilon, h, result, one, other):
    """KernelValueError for an epsilon that is not above 0, and for a result that shares memory with a vector."""
    if not epsilon > 0:
        raise KernelValueError(LEAST, name, epsilon)
    if shifted(result, h):
        raise KernelValueError(SHARED, name, "out", "h")
    if overlap(result, one) or overlap(result, other):
        raise KernelValueError(SHARED, name, "out", "a vector")


@inner
def _check_statistic(argument, given, h, scale, shift, result):
    """KernelValueError if a statistic that moves shares memory with what is read or written beside it."""
    if overlap(given, h) or overlap(given, scale) or overlap(given, shift) or overlap(given, result):
        raise KernelValueError(SHARED, "batch_norm", argument, "another array")


@inner
def _three(h, out):
    """New arrays for dh, dscale and dshift, or those of `out`."""
    if out is None:
        units = h.shape[h.ndim - 1]
        return np.empty(h.shape, h.dtype), np.empty(units, h.dtype), np.empty(units, h.dtype)
    return out


@inner
def _two(h, out):
    """New arrays for dh and dscale, or those of `out`."""
    if out is None:
        return np.empty(h.shape, h.dtype), np.empty(h.shape[h.ndim - 1], h.dtype)
    return out


@inner
def _check_three(name, epsilon, dz, h, scale, dh, dscale, dshift):
    """Refuse shapes that do not fit, an epsilon that is not above 0, and results that share memory."""
    check_shapes(name + ": h and dz", h.shape, dz.shape)
    check_shapes(name + ": h and out[0]", h.shape, dh.shape)
    rows = as_rows(h)
    check_units(name, "scale", rows, scale)
    check_units(name, "out[1]", rows, dscale)
    if dshift is not None:
        check_units(name, "out[2]", rows, dshift)
    if not epsilon > 0:
        raise KernelValueError(LEAST, name, epsilon)
    if shifted(dh, h) or shifted(dh, dz) or overlap(dh, scale) or overlap(dh, dscale) or overlap(dh, dshift):
        raise KernelValueError(SHARED, name, "out[0]", "another array")
    if overlap(dscale, h) or overlap(dscale, dz) or overlap(dscale, scale) or overlap(dscale, dshift):
        raise KernelValueError(SHARED, name, "out[1]", "another array")
    if overlap(dshift, h) or overlap(dshift, dz) or overlap(dshift, scale):
        raise KernelValueError(SHARED, name, "out[2]", "another array")
