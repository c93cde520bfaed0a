"""Typed pointers: addresses in, elements out, arithmetic by element."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from numbann.engine.shared.alignment import aligned
from numbann.simd import pointer, tile
from numbann.simd.pointer import view


@numba.njit
def elements(x):
    """Three ways to the third and fourth element."""
    base = pointer.pointer_of(x)
    return base[2], pointer.advance(base, 3)[0], view(base, 2, 2)[1], pointer.itemsize(base)


@numba.njit
def store(x, index, value):
    pointer.pointer_of(x)[index] = value


@numba.njit
def int_at(address, index):
    return pointer.ints(address)[index]


@numba.njit
def padded(row):
    return pointer.padded(row)


@numba.njit
def transposed(a, c):
    tile.transpose_block(pointer.pointer_of(a), a.shape[1], pointer.pointer_of(c), c.shape[1], c.shape[1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_elements(dtype: str) -> None:
    x = np.arange(5, dtype=dtype)
    assert elements(x) == (2, 3, 3, x.itemsize)
    store(x, 4, 9)
    assert x.tolist() == [0, 1, 2, 3, 9]
    store(x[2:], -1, 8)
    assert x.tolist() == [0, 8, 2, 3, 9]


def test_ints() -> None:
    x = np.arange(5, dtype=np.int64) << 40
    assert int_at(x.ctypes.data, 3) == 3 << 40


@pytest.mark.parametrize(("dtype", "lanes"), [("float32", 16), ("float64", 8)])
def test_rows_are_padded_to_whole_vectors(dtype: str, lanes: int) -> None:
    for count, whole in ((1, lanes), (lanes, lanes), (lanes + 1, 2 * lanes)):
        assert padded(np.zeros(count, dtype)) == whole


@pytest.mark.parametrize(("dtype", "lanes"), [("float32", 16), ("float64", 8)])
def test_blocks_are_transposed(dtype: str, lanes: int) -> None:
    a, c = aligned((lanes, lanes + 3), dtype), aligned((lanes, lanes + 5), dtype)
    a[:] = np.arange(a.size).reshape(a.shape)
    transposed(a, c)
    np.testing.assert_array_equal(c[:, :lanes], a[:, :lanes].T)
    assert (c[:, lanes:] == 0).all()
