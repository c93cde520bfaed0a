"""Columns of ops: what a kernel reads is found in its code, and has the column's type."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from numbann.simd import dense, jit, norm, op, whole
from numbann.simd.columns import columns_of
from numbann.simd.op import BIAS, KERNEL, OUTPUTS, SHIFT, SWEEPS, TABLE, UNITS, ZERO

CALL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_void_p)


def read(row, first, last, step, scratch):
    """Into what ZERO points to: a number of each kind of column."""
    found = row[ZERO]
    found[0], found[1], found[2] = row[BIAS][1], row[TABLE][1], row[SHIFT][1]
    found[3], found[4], found[5] = row[OUTPUTS], row[SWEEPS][first], row[UNITS]


def test_no_two_columns_share_a_place() -> None:
    places = [KERNEL, UNITS, *(column + k for column in op.NAMES.values() for k in range(column.size))]
    assert len(set(places)) == len(places)
    assert max(places) < op.WIDTH
    assert all(column.holds in (*op.ARRAYS, *op.FIXED, "number", "functions") for column in op.NAMES.values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_array_has_the_type_of_its_column(dtype: str) -> None:
    row, found, bias = np.zeros(op.WIDTH, np.int64), np.zeros(6, dtype), np.array([1, 2], dtype)
    table, shift = np.array([3, 1 << 20]), np.array([5.0, 0.25])
    for column, array in {ZERO: found, BIAS: bias, TABLE: table, SHIFT: shift}.items():
        row[column] = array.ctypes.data
    row[OUTPUTS], row[SWEEPS : SWEEPS + 4], row[UNITS] = 7, (11, 12, 13, 14), -2
    CALL(jit.address(read, dtype))(row.ctypes.data, 2, 3, 0, 0)
    assert found.tolist() == [2, 1 << 20, 0.25, 7, 13, -2]


def test_the_columns_of_a_kernel_and_of_what_it_calls() -> None:
    assert set(columns_of(read)) == {"ZERO", "BIAS", "TABLE", "SHIFT", "OUTPUTS", "SWEEPS"}
    assert set(columns_of(whole.sum_squares)) == {"GRADIENT", "LENGTH", "SQUARES"}
    assert {"X", "TABLE", "MOVES", "W", "SWEEPS", "COLUMNS"} < set(columns_of(dense.dense_forward))
    assert "STATISTICS" in columns_of(norm.running_norm_backward)
    assert "STATISTICS" not in columns_of(norm.layer_norm)


def test_columns_of_a_module_are_found_too() -> None:
    def kernel(row, first, last, step, scratch):
        row[op.ROW_LOSS][0] = first

    assert set(columns_of(kernel)) == {"ROW_LOSS"}
