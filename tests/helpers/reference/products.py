"""Twins of the matrix products."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def matmul(a: Array, b: Array) -> Array:
    """a b: a (B, I), b (I, O) -> (B, O)."""
    return np.einsum("bi,io->bo", a, b)


def dense_forward(x: Array, w: Array, b: Array) -> Array:
    """z = x w + b: x (B, I), w (I, O), b (O,) -> (B, O)."""
    return matmul(x, w) + b


def dense_backward(x: Array, w: Array, dy: Array) -> tuple[Array, Array, Array]:
    """dx = dy w' (B, I), dw = x' dy (I, O) and db, the sum of dy's rows (O,), for dy (B, O)."""
    return matmul(dy, w.T), matmul(x.T, dy), dy.sum(axis=0)
