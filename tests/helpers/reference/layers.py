"""Twins of what stands between dense layers: norms, dropout and the random numbers that training draws."""

from __future__ import annotations

import numpy as np

from reference.products import Array

EPSILON = 1e-5


def layer_norm(h: Array, scale: Array, shift: Array) -> Array:
    """z = scale (h - mean) / sqrt(variance + EPSILON) + shift, of each row of h (B, O)."""
    return scale * _normalized(h, 1) + shift


def batch_norm(h: Array, scale: Array, shift: Array) -> Array:
    """z = scale (h - mean) / sqrt(variance + EPSILON) + shift, of each column of h (B, O), as in training."""
    return scale * _normalized(h, 0) + shift


def _normalized(h: Array, axis: int) -> Array:
    return (h - h.mean(axis=axis, keepdims=True)) / np.sqrt(h.var(axis=axis, keepdims=True) + EPSILON)


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
