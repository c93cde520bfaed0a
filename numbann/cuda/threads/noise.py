"""Random numbers in kernels, the same bits as those of numbann.simd.noise, which names the sources."""

from __future__ import annotations

import numpy as np

from numbann.cuda.threads.device import inner

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FINISH_FIRST, FINISH_SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
STEP, FIRST, SECOND = np.uint32(0x9E3779B9), np.uint32(0x21F0AAAD), np.uint32(0x735A2D97)
LOW = np.uint64(0xFFFFFFFF)


@inner
def row_key(key, row):
    """The key of a row: twice 32 random bits."""
    x = np.uint64(key) + np.uint64(row) * GOLDEN
    x = (x ^ (x >> np.uint64(30))) * FINISH_FIRST
    x = (x ^ (x >> np.uint64(27))) * FINISH_SECOND
    x = x ^ (x >> np.uint64(31))
    return np.uint32(x & LOW), np.uint32(x >> np.uint64(32))


@inner
def noise(low, high, column):
    """24 random bits for a column of a row, as an int32."""
    x = np.uint32(low + np.uint32(np.uint32(column) * STEP))
    x = np.uint32(np.uint32(x ^ np.uint32(x >> np.uint32(16))) * FIRST)
    x = np.uint32(x ^ high)
    x = np.uint32(np.uint32(x ^ np.uint32(x >> np.uint32(15))) * SECOND)
    return np.int32(np.uint32(x ^ np.uint32(x >> np.uint32(15))) >> np.uint32(8))
