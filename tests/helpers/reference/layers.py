"""Twins of what stands between dense layers: norms, dropout and the random numbers that training draws."""

from __future__ import annotations

import numpy as np

from reference.products import Array

EPSILON = 1e-5


def layer_norm(h: Array, scale: Array, shift: Array, epsilon: float = EPSILON) -> Array:
    """z = scale (h - mean) / sqrt(variance + epsilon) + shift, of each row of h (B, O)."""
    return scale * _normalized(h, 1, epsilon)[0] + shift


def layer_norm_backward(dz: Array, h: Array, scale: Array, epsilon: float = EPSILON) -> tuple[Array, Array, Array]:
    """dh, and the gradients to scale and shift."""
    n, factor = _normalized(h, 1, epsilon)
    g = scale * dz
    means = g.mean(1, keepdims=True), (g * n).mean(1, keepdims=True)
    return factor * (g - means[0] - n * means[1]), (dz * n).sum(0), dz.sum(0)


def rms_norm(h: Array, scale: Array, epsilon: float = EPSILON) -> Array:
    """z = scale h / sqrt(mean(h^2) + epsilon), of each row of h (B, O)."""
    return scale * h / np.sqrt((h * h).mean(1, keepdims=True) + epsilon)


def rms_norm_backward(dz: Array, h: Array, scale: Array, epsilon: float = EPSILON) -> tuple[Array, Array]:
    """dh, and the gradient to scale."""
    root = np.sqrt((h * h).mean(1, keepdims=True) + epsilon)
    n, g = h / root, scale * dz
    return (g - n * (g * n).mean(1, keepdims=True)) / root, (dz * n).sum(0)


def batch_norm(h: Array, scale: Array, shift: Array, epsilon: float = EPSILON) -> Array:
    """z = scale (h - mean) / sqrt(variance + epsilon) + shift, of each column of h (B, O), as in training."""
    return scale * _normalized(h, 0, epsilon)[0] + shift


def batch_norm_backward(dz: Array, h: Array, scale: Array, epsilon: float = EPSILON) -> tuple[Array, Array, Array]:
    """dh, and the gradients to scale and shift."""
    n, factor = _normalized(h, 0, epsilon)
    return scale * factor * (dz - dz.mean(0) - n * (dz * n).mean(0)), (dz * n).sum(0), dz.sum(0)


def moved(h: Array, mean: Array, variance: Array, momentum: float = 0.1) -> tuple[Array, Array]:
    """Running statistics after a batch h (B, O); the batch's variance is that without bias."""
    spread = h.var(axis=0, ddof=1) if len(h) > 1 else variance
    return mean + momentum * (h.mean(0) - mean), variance + momentum * (spread - variance)


def running_norm(h: Array, scale: Array, shift: Array, mean: Array, variance: Array, epsilon: float = EPSILON) -> Array:
    """z = scale (h - mean) / sqrt(variance + epsilon) + shift, by statistics that are given."""
    return scale * (h - mean) / np.sqrt(variance + epsilon) + shift


def _normalized(h: Array, axis: int, epsilon: float) -> tuple[Array, Array]:
    """(h - mean) / root and 1 / root, root = sqrt(variance + epsilon)."""
    factor = 1 / np.sqrt(h.var(axis=axis, keepdims=True) + epsilon)
    return (h - h.mean(axis=axis, keepdims=True)) * factor, factor


def dropout(a: Array, u: Array, rate: float) -> Array:
    """0 where the draw u (B, O) is below the rate, else a / (1 - rate)."""
    return np.where(u < rate, 0.0, a / (1 - rate))


def alpha_dropout(a: Array, u: Array, rate: float) -> Array:
    """x y + z with y = selu(-inf) where the draw u (B, O) is below the rate, else a; mean 0 and variance 1 stay."""
    limit = -1.0507009873554805 * 1.6732632423543772
    x = 1 / np.sqrt((1 - rate) * (1 + rate * limit**2))
    return x * np.where(u < rate, limit, a) - x * rate * limit


@np.errstate(over="ignore")
def draws(key: int, rows: int, columns: int) -> Array:
    """Numbers (rows, columns) of [0, 1) for a key: SplitMix64 of the row, then a 32-bit hash of the column."""
    row, column = np.arange(rows, dtype=np.uint64)[:, None], np.arange(columns, dtype=np.uint32)
    bits = np.array(key).astype(np.uint64) + row * np.uint64(0x9E3779B97F4A7C15)
    bits = _scrambled(bits, 30, 0xBF58476D1CE4E5B9)
    bits = _scrambled(bits, 27, 0x94D049BB133111EB)
    bits ^= bits >> np.uint64(31)
    low, high = (bits & np.uint64(0xFFFFFFFF)).astype(np.uint32), (bits >> np.uint64(32)).astype(np.uint32)
    x = _scrambled(low + column * np.uint32(0x9E3779B9), 16, 0x21F0AAAD) ^ high
    x = _scrambled(x, 15, 0x735A2D97)
    return ((x ^ (x >> np.uint32(15))) >> np.uint32(8)) / 2**24


def _scrambled(x: Array, shift: int, factor: int) -> Array:
    """(x ^ (x >> shift)) factor, modulo the width of x."""
    product: Array = (x ^ (x >> x.dtype.type(shift))) * x.dtype.type(factor)
    return product
