"""bfloat16 in NumPy, exactly: rounding, and sums of products as vdpbf16ps makes them."""

from __future__ import annotations

import numpy as np

SMALLEST = np.float32(2.0**-126)  # below it numbers are denormal, which count as zero


def rounded(x: np.ndarray) -> np.ndarray:
    """Float32 rounded to the bits of bfloat16, uint16: a tie goes to an even number, NaN stays NaN."""
    x = np.ascontiguousarray(x, np.float32)
    bits = flushed(x).view(np.uint32).astype(np.uint64)
    nearest = (bits + 0x7FFF + (bits >> np.uint64(16) & np.uint64(1))) >> np.uint64(16)
    return np.where(np.isnan(x), bits >> np.uint64(16) | np.uint64(0x40), nearest).astype(np.uint16)


def value(bits: np.ndarray) -> np.ndarray:
    """The float32 that the bits of a bfloat16 stand for."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def pairs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pairs of bits as int32, the first ones in the low halves."""
    return (first.astype(np.uint32) | second.astype(np.uint32) << np.uint32(16)).view(np.int32)


def flushed(x: np.ndarray) -> np.ndarray:
    """Denormal numbers as zeros of the same sign."""
    return np.where(np.abs(x) < SMALLEST, np.copysign(np.float32(0), x), x).astype(np.float32)


def product(init: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """init + a b for pairs a (rows, depth) and b (depth, columns)."""
    total = init.copy()
    for k in range(a.shape[1]):
        for half in (_high, _low):  # the high halves first
            total = _add_product(total, half(a[:, k])[:, None], half(b[k]))
    return total


def _high(pairs: np.ndarray) -> np.ndarray:
    return (pairs & np.int32(-1 << 16)).view(np.float32)


def _low(pairs: np.ndarray) -> np.ndarray:
    return (pairs << np.int32(16)).view(np.float32)


def _add_product(total: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """total + x y with one rounding to nearest.

    The product is exact in float64, and the sum is rounded to an odd float64 first: rounding it again is then right.
    """
    with np.errstate(all="ignore"):
        total, product = flushed(total).astype(np.float64), flushed(x).astype(np.float64) * flushed(y)
        found = total + product
        other = found - total
        error = (total - (found - other)) + (product - other)
        even = (found.view(np.int64) & 1) == 0
        inexact = (error != 0) & even & np.isfinite(found)
        odd = np.where(inexact, np.nextafter(found, np.copysign(np.inf, error)), found)
        return flushed(odd.astype(np.float32))
