"""sin, cos and tan in single precision, within 4 units in the last place, without double precision.

The CUDA library's functions use double precision for arguments beyond 10^5, which is slow on most GPUs.  Here x 2/pi is
a product of integers.  It needs 96 bits of 2/pi only: bits before them give multiples of 4 quarters, which change
nothing (Payne and Hanek 1983, https://doi.org/10.1145/1057600.1057602).  What remains is at most an eighth of a circle;
polynomials give its sine and cosine to single precision.
"""

from __future__ import annotations

import numpy as np

from numbann.cuda.threads.device import inner
from numbann.cuda.threads.mathematics import math

# A word of zeros, then the bits of 2/pi
BITS = np.array([0, 0xA2F9836E, 0x4E441529, 0xFC2757D1, 0xF534DDC0, 0xDB629599, 0x3C439041, 0xFE5163AB], np.uint64)
WORD, LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
HALF, QUARTER = np.uint64(1 << 61), np.uint64(62)  # half a quarter of the circle; the bits of a quarter
UNIT = np.float32(np.pi / 2 * 2.0**-62)
WHOLE, LARGEST = np.float32(2.0**24), np.float32(np.finfo(np.float32).max)
ZERO, HALF_ONE, ONE, EDGE = np.float32(0), np.float32(0.5), np.float32(1), np.float32(0.785)
S1, S2, S3 = np.float32(-0.16666665), np.float32(0.0083327491), np.float32(-0.00019588019)
C1, C2, C3 = np.float32(0.041666665), np.float32(-0.0013888304), np.float32(2.4548040e-05)


@inner
def reduce(x):
    """The nearest quarter of the circle, 0 to 3, and the rest: x = quarter pi/2 + rest, up to whole circles."""
    size = abs(x)
    if size <= EDGE:
        return 0, x
    if not size <= LARGEST:
        return 0, x - x  # NaN
    part, exponent = math.frexp(size)
    m, first = np.uint64(part * WHOLE), exponent + 6
    word, shift = first >> 5, np.uint64(32 - (first & 31))
    high = ((BITS[word] << WORD | BITS[word + 1]) >> shift) & LOW
    middle = ((BITS[word + 1] << WORD | BITS[word + 2]) >> shift) & LOW
    low = ((BITS[word + 2] << WORD | BITS[word + 3]) >> shift) & LOW
    turn = (m * high << WORD) + m * middle + (m * low >> WORD)  # in 2^62 a quarter
    quarter = (turn + HALF) >> QUARTER
    rest = np.float32(np.int64(turn - (quarter << QUARTER))) * UNIT
    if x < ZERO:
        return np.int64(-quarter) & 3, -rest
    return np.int64(quarter) & 3, rest


@inner
def _sin(r):
    s = r * r
    return r + r * s * (S1 + s * (S2 + s * S3))


@inner
def _cos(r):
    s = r * r
    return ONE - HALF_ONE * s + s * s * (C1 + s * (C2 + s * C3))


@inner
def sin(x):
    """The sine."""
    quarter, r = reduce(x)
    found = _cos(r) if quarter & 1 else _sin(r)
    return -found if quarter & 2 else found


@inner
def cos(x):
    """The cosine."""
    quarter, r = reduce(x)
    found = _sin(r) if quarter & 1 else _cos(r)
    return -found if (quarter + 1) & 2 else found


@inner
def tan(x):
    """The tangent."""
    quarter, r = reduce(x)
    return -_cos(r) / _sin(r) if quarter & 1 else _sin(r) / _cos(r)
