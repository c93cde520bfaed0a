"""Arrays aligned to 64 bytes, the size of a vector and of a cache line."""

from __future__ import annotations

import numpy as np

VECTOR_BYTES = 64


def aligned(shape: int | tuple[int, ...], dtype: str) -> np.ndarray:
    """Zeros that start at a multiple of 64 bytes."""
    count, itemsize = int(np.prod(shape)), np.dtype(dtype).itemsize
    raw = np.zeros(count * itemsize + VECTOR_BYTES, np.uint8)
    start = -raw.ctypes.data % VECTOR_BYTES
    return raw[start : start + count * itemsize].view(dtype).reshape(shape)
