"""Reductions over one row: any length, padding left out, the same bits as in any other place, NaN and infinities."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from numbann.mathematics import rows as plain
from numbann.simd import rows


@numba.njit
def reduced(x, y):
    """All three reductions of a row."""
    return rows.row_max(x), rows.row_sum(x), rows.row_dot(x, y)


@numba.njit
def scaled(x, factor):
    rows.scale_row(x, factor)


@numba.njit
def copied(x, to):
    rows.copy_row(x, to)


def padded(values: np.ndarray, fill: float) -> np.ndarray:
    """A row with something else after it, as far as a vector reaches."""
    store = np.full(len(values) + 16, fill, values.dtype)
    store[: len(values)] = values
    return store[: len(values)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("fill", [0.0, 1e6, np.nan])
def test_reductions(dtype: str, fill: float) -> None:
    random = np.random.default_rng(0)
    for count in (1, 2, 7, 8, 9, 15, 16, 17, 33, 100):
        x, y = (padded(random.integers(-9, 10, count).astype(dtype), fill) for _ in range(2))
        assert reduced(x, y) == (x.max(), x.sum(), x @ y)


def test_plain_python_says_the_same() -> None:
    x, y = [1.0, -2.0, 5.0], [2.0, 3.0, 4.0]
    assert (plain.row_max(x), plain.row_sum(x), plain.row_dot(x, y)) == (5.0, 4.0, 16.0)
    assert reduced(padded(np.array(x), 9.0), padded(np.array(y), 9.0)) == (5.0, 4.0, 16.0)


def test_infinities_and_nan() -> None:
    row = padded(np.array([-np.inf, -np.inf, -5.0], np.float32), 1.0)
    assert reduced(row, row)[0] == -5.0
    row[1] = np.inf
    assert reduced(row, row)[0] == np.inf
    row[2] = np.nan
    assert np.isnan(reduced(row, row)[1])
    assert np.isnan(reduced(row, row)[2])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scaling_clears_the_padding(dtype: str) -> None:
    """Up to the next whole vector; what lies beyond stays."""
    lanes = 64 // np.dtype(dtype).itemsize
    for count in (1, lanes - 1, lanes, lanes + 1):
        store = np.full(4 * lanes, 3.0, dtype)
        scaled(store[:count], store.dtype.type(2))
        whole = -(-count // lanes) * lanes
        np.testing.assert_array_equal(store[:count], 6)
        np.testing.assert_array_equal(store[count:whole], 0)
        np.testing.assert_array_equal(store[whole:], 3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_copy_clears_the_padding(dtype: str) -> None:
    lanes = 64 // np.dtype(dtype).itemsize
    for count in (1, lanes - 1, lanes, lanes + 1):
        x, store = padded(np.arange(count, dtype=dtype) + 1, np.nan), np.full(4 * lanes, 3.0, dtype)
        copied(x, store)
        whole = -(-count // lanes) * lanes
        np.testing.assert_array_equal(store[:count], x)
        np.testing.assert_array_equal(store[count:whole], 0)
        np.testing.assert_array_equal(store[whole:], 3)
