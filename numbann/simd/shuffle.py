"""Shuffling as a kernel: an order of rows from a key alone.

The swaps are those of Durstenfeld (1964, algorithm 235, https://doi.org/10.1145/364520.364540).  Random numbers are a
hash of a counter, the finisher of SplitMix64: Steele, Lea and Flood 2014, https://doi.org/10.1145/2660193.2660195.
"""

from __future__ import annotations

import numpy as np
from numba import types

from numbann.simd.jit import INTS, inner, takes

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
HALF = np.uint64(32)


@inner
def random_bits(key, counter):
    """64 random bits for a key and a counter."""
    x = key + counter * GOLDEN
    x = (x ^ (x >> np.uint64(30))) * FIRST
    x = (x ^ (x >> np.uint64(27))) * SECOND
    return x ^ (x >> np.uint64(31))


@takes(types.void(INTS, types.intp, types.int64))
def shuffle(order, count, key):
    """order <- 0..count-1 in an order that the key decides; count < 2^32.

    A place below i + 1 is the upper half of a product of 32 random bits and i + 1, which needs no division.
    """
    for i in range(count):
        order[i] = i
    bits = np.uint64(key)
    for i in range(count - 1, 0, -1):
        place = np.uint64(i)
        j = np.int64(((random_bits(bits, place) >> HALF) * (place + np.uint64(1))) >> HALF)
        order[i], order[j] = order[j], order[i]
