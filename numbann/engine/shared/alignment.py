"""Arrays aligned to 64 bytes, the size of a vector and of a cache line."""

from __future__ import annotations

import math

import numpy as np

VECTOR_BYTES = 64


def aligned(shape: int | tuple[int, ...], dtype: str) -> np.ndarray:
    """Zeros that start at a multiple of 64 bytes."""
    count = math.prod(shape) if isinstance(shape, tuple) else int(shape)
    size = count * np.dtype(dtype).itemsize
    raw = np.zeros(size + VECTOR_BYTES, np.uint8)
    start = -raw.ctypes.data % VECTOR_BYTES
    return np.ndarray(shape, dtype, raw, start)
