"""Distinct values and medians are those of NumPy, which then imports no masked arrays."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from numbann.data.ordered import are_among, medians, sort_distinct

RANDOM = np.random.default_rng(0)
ARRAYS: dict[str, Any] = {
    "numbers": RANDOM.integers(0, 9, 40).astype(float),
    "missing": np.array([np.nan, 1.0, np.nan, 1.0, -0.0, np.inf]),
    "hashes": RANDOM.integers(0, 1 << 63, 30, np.uint64),
    "texts": np.array(["b", "a", "b"]),
    "none": np.array([]),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_distinct_values(name: str) -> None:
    values = ARRAYS[name]
    known = sort_distinct(values)
    np.testing.assert_array_equal(known, np.unique(values))
    if name != "missing":
        np.testing.assert_array_equal(are_among(values, known[::2]), np.isin(values, known[::2]))


@pytest.mark.parametrize("rows", [1, 2, 3, 8, 41])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_medians(rows: int, dtype: str) -> None:
    values = RANDOM.normal(0, 1e3, (rows, 5)).astype(dtype)
    values[rows // 2, 3] = np.nan
    np.testing.assert_array_equal(medians(values), np.median(values, axis=0))
    np.testing.assert_array_equal(medians(values[:, 0]), np.median(values[:, 0]))
    huge = np.full(3, np.finfo(dtype).max, dtype)
    assert medians(huge) == huge[0]


def test_they_import_no_masked_arrays() -> None:
    code = (
        "import sys, numpy as np; from numbann.data.ordered import *; x = np.ones(3); are_among(x, sort_distinct(x));"
    )
    code += "medians(x); print('numpy.ma' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
