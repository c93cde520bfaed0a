"""Columns of ops: what a kernel reads is found in its code, and has the column's type."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from numbann.simd import compiler, dense, gradient, jit, norm, objects, op
from numbann.simd.columns import columns_of
from numbann.simd.op import COLUMNS

CALL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_void_p)


@jit.inner
def numbers(op):
    """A number and the step's own."""
    return op.OUTPUTS, op.UNITS


def read(op, first, last, step, scratch):
    """Into what ZERO points to: something of each kind of column."""
    found = op.ZERO
    found[0], found[1], found[2] = op.BIAS[1], op.TABLE[1], op.SHIFT[1]
    found[3], found[4] = numbers(op)
    found[5] = op.SWEEPS[first]


def test_no_two_columns_share_a_place() -> None:
    places = [column + k for column in COLUMNS.values() for k in range(column.size)]
    assert len(set(places)) == len(places)
    assert max(places) < op.WIDTH
    assert all(
        column.holds in (*op.ARRAYS, op.FACTORS, *op.FIXED, "number", "functions") for column in COLUMNS.values()
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_array_has_the_type_of_its_column(dtype: str) -> None:
    row, found, bias = np.zeros(op.WIDTH, np.int64), np.zeros(6, dtype), np.array([1, 2], dtype)
    table, shift = np.array([3, 1 << 20]), np.array([5.0, 0.25])
    for name, array in {"ZERO": found, "BIAS": bias, "TABLE": table, "SHIFT": shift}.items():
        row[COLUMNS[name]] = array.ctypes.data
    row[COLUMNS["OUTPUTS"]], row[COLUMNS["UNITS"]] = 7, -2
    row[COLUMNS["SWEEPS"] :][:4] = 11, 12, 13, 14
    CALL(objects.load(compiler.compiled(read, dtype)))(row.ctypes.data, 2, 3, 0, 0)
    assert found.tolist() == [2, 1 << 20, 0.25, 7, -2, 13]


def test_factors_of_products_in_bfloat16_are_pairs() -> None:
    held = {name: {kind: COLUMNS[name].dtype(kind) for kind in jit.PRECISIONS} for name in ("W", "ZERO", "TABLE")}
    assert held == {
        "W": {"float32": "float32", "float64": "float64", "bfloat16": "int32"},
        "ZERO": {"float32": "float32", "float64": "float64", "bfloat16": "float32"},
        "TABLE": dict.fromkeys(jit.PRECISIONS, "int64"),
    }


def test_the_columns_of_a_kernel_and_of_what_it_calls() -> None:
    assert set(columns_of(read)) == {"ZERO", "BIAS", "TABLE", "SHIFT", "OUTPUTS", "SWEEPS"}
    assert set(columns_of(gradient.sum_squares)) == {"GRADIENT", "LENGTH", "SQUARES"}
    assert {"X", "TABLE", "MOVES", "W", "SWEEPS", "COLUMNS"} < set(columns_of(dense.dense_forward))
    assert "STATISTICS" in columns_of(norm.running_norm_backward)
    assert "STATISTICS" not in columns_of(norm.layer_norm)
