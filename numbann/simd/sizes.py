"""Sizes, places and constants that kernels share with the engine, which knows them without importing a kernel."""

from __future__ import annotations

BYTES = 64  # of a vector
PANEL = 4  # vectors in a panel, the width of the widest tile
DELTA_DEPTH = 256  # columns of w, transposed, in a block of the delta product: 64 KB of the scratch area in float32
ROUNDED = 32  # columns that are rounded to bfloat16 at once: two vectors of float32, one of bfloat16
TOGETHER = 64  # rows that an embedding works on at once
BLOCK = 1024  # elements of an arena that are measured, summed or updated at once: they stay in the first-level cache
NORM_EPSILON, NORM_MOMENTUM = 1e-5, 0.1  # beside the variance, and of a batch in running statistics, as PyTorch's
SMALL = 1e-6  # added to a norm before it divides, as in PyTorch
SPIN = 200  # pauses before a waiting thread gives its processor away, which another thread may need
# The parameters of a dropout; NOTHING is 0, in their precision
RATE, SCALE, SHIFT, DROPPED, NOTHING = 0, 1, 2, 3, 4


def lanes_of(dtype: str) -> int:
    """Elements in a vector."""
    return BYTES // (8 if dtype == "float64" else 4)


def embedding_scratch(terms: int, mixed: int) -> int:
    """The elements of the scratch area that an embedding's kernels take."""
    return (terms + 2 * mixed) * TOGETHER
