"""Random numbers in kernels: a hash of the layer's key, the row and the column, so that every thread draws the same.

A row's key comes from SplitMix64 (Steele, Lea and Flood 2014, https://doi.org/10.1145/2660193.2660195).  An element's
bits come from 32-bit multiplications, which vector instructions do 16 at a time, with constants that C. Wellons found
in 2018 (https://github.com/skeeto/hash-prospector).
"""

from __future__ import annotations

import numpy as np

from numbann.simd.jit import inner
from numbann.simd.shuffle import random_bits

STEP, FIRST, SECOND = np.uint32(0x9E3779B9), np.uint32(0x21F0AAAD), np.uint32(0x735A2D97)
LOW = np.uint64(0xFFFFFFFF)


@inner
def row_key(key, row):
    """64 random bits for a row, as two numbers of 32 bits."""
    bits = random_bits(np.uint64(key), np.uint64(row))
    return np.uint32(bits & LOW), np.uint32(bits >> np.uint64(32))


@inner
def noise(low, high, column):
    """24 random bits for a column of a row, as an int32: as many as a float32 holds exactly.

    Dropout compares them with its rate; an activation sees 2^-24 times them, or 2^-25 where all are 0.
    """
    x = np.uint32(low + np.uint32(np.uint32(column) * STEP))
    x = np.uint32(np.uint32(x ^ np.uint32(x >> np.uint32(16))) * FIRST)
    x = np.uint32(x ^ high)
    x = np.uint32(np.uint32(x ^ np.uint32(x >> np.uint32(15))) * SECOND)
    return np.int32(np.uint32(x ^ np.uint32(x >> np.uint32(15))) >> np.uint32(8))
