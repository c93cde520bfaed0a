"""NumPy twins of the functions of cuBLAS that numbann calls, over addresses, with all that cuBLAS would refuse.

Matrices lie column by column, as cuBLAS has them.  They stand in for nvmath.bindings.cublas where there is no GPU.
"""

from __future__ import annotations

import ctypes
from enum import IntEnum

import numpy as np
import pytest

from numbann.cuda.threads import cublas, device


class Math(IntEnum):
    """Modes that matter here."""

    DEFAULT_MATH = 0
    TF32_TENSOR_OP_MATH = 3


class Twin:
    """The functions, and what they were called with."""

    Math = Math

    def __init__(self) -> None:
        self.modes: list[int] = []
        self.streams: list[int] = []
        self.workspaces: list[tuple[int, int]] = []
        self.sizes: list[tuple[int, int, int]] = []

    def create(self) -> int:
        return 77

    def set_math_mode(self, handle: int, mode: int) -> None:
        self.modes.append(mode)

    def set_stream(self, handle: int, stream: int) -> None:
        self.streams.append(stream)

    def set_workspace(self, handle: int, address: int, size: int) -> None:
        self.workspaces.append((address, size))

    def sgemm(self, *arguments: int) -> None:
        self._gemm(ctypes.c_float, *arguments)

    def dgemm(self, *arguments: int) -> None:
        self._gemm(ctypes.c_double, *arguments)

    def _gemm(self, kind, handle, turn_a, turn_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) -> None:
        """C = alpha op(A) op(B) + beta C; op(A) is (m, k), op(B) is (k, n)."""
        assert handle == 77
        assert min(m, n, k) > 0
        self.sizes.append((m, n, k))
        alpha, beta = (kind.from_address(one).value for one in (alpha, beta))
        left = matrix(kind, a, (k, m) if turn_a else (m, k), lda)
        right = matrix(kind, b, (n, k) if turn_b else (k, n), ldb)
        out = matrix(kind, c, (m, n), ldc)
        made = alpha * ((left.T if turn_a else left) @ (right.T if turn_b else right))
        out[:] = made if beta == 0 else made + beta * out  # NaN in C does not come through where beta is 0


def matrix(kind, address: int, shape: tuple[int, int], stride: int) -> np.ndarray:
    """A view of memory as a matrix whose columns are `stride` numbers apart."""
    rows, columns = shape
    assert stride >= rows
    count = (columns - 1) * stride + rows
    flat = np.ctypeslib.as_array((kind * count).from_address(address))
    return np.lib.stride_tricks.as_strided(flat, shape, (flat.itemsize, stride * flat.itemsize))


def stand_in(monkeypatch: pytest.MonkeyPatch, least: int = 0) -> Twin:
    """Let the twins do products of so many operations or more, of any depth."""
    assert device.SIMULATED
    twin = Twin()
    cublas._handle.cache_clear()
    monkeypatch.setattr(cublas, "_bindings", lambda: twin)
    monkeypatch.setattr(cublas, "is_installed", lambda: True)
    monkeypatch.setattr(cublas, "DEPTH", 0)
    monkeypatch.setattr(cublas, "OPERATIONS", least)
    return twin
