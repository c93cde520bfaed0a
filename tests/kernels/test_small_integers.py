"""Short integers from @njit code: a power of one must not become a call that the process lacks, which ends it.

NUMBANN_ALL_INTEGERS=1 takes every optimizer and every type of integers.
"""

from __future__ import annotations

import os
from typing import Any

import numba
import numpy as np
import pytest

from numbann import kernels
from numbann.components.built_in import built_in

SHORT = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
OPTIMIZERS = {
    entry.component.name: [state for state in entry.component.states if state not in entry.component.traits["optional"]]
    for entry in built_in().entries("optimizer")
    if "step" in entry.component.roles and entry.component.form == "elementwise"
}
ALL = [(name, short, dtype) for name in OPTIMIZERS for short in SHORT for dtype in ("float32", "float64")]
SOME = [("adam", "int16", "float64"), ("radam", "uint8", "float32")]


@pytest.mark.parametrize(("name", "short", "dtype"), ALL if os.environ.get("NUMBANN_ALL_INTEGERS") else SOME)
def test_the_count_of_steps(name: str, short: str, dtype: str) -> None:
    step, count = getattr(kernels, f"{name}_step"), 1 + len(OPTIMIZERS[name])

    @numba.njit
    def train(w: Any, others: Any, steps: Any) -> None:
        for i in range(len(steps)):
            step(w, *others, steps[i])

    start = [np.linspace(0.1, 1, 5).astype(dtype) for _ in range(count + 1)]
    w, *others = [array.copy() for array in start]
    train(w, tuple(others), np.arange(1, 4, dtype=short))
    expected, *states = start
    for number in range(1, 4):
        step(expected, *states, number)
    np.testing.assert_array_equal(w, expected)


def test_a_parameter() -> None:
    focal = kernels.sigmoid_focal

    @numba.njit
    def of_all(y: Any, t: Any, gammas: Any) -> float:
        total = 0.0
        for gamma in gammas:
            total += focal(y, t, gamma)[0]
        return total

    y, t = np.linspace(-1, 1, 6), np.array([0.0, 1, 1, 0, 1, 0])
    assert of_all(y, t, np.array([1, 3], "i1")) == focal(y, t, 1)[0] + focal(y, t, 3)[0]
