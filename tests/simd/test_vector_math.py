"""exp, expm1, log, log1p and tanh in single precision: within 3 units in the last place, and right at the extremes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest

from numbann.simd.jit import SAFE
from numbann.simd.vector_math import BINDINGS

ULP = 3
FUNCTIONS = BINDINGS["float32"]
SMALL = np.outer([1, -1], 10.0 ** np.linspace(-37, 0, 20_001)).ravel()
GRIDS = {
    "exp": np.concatenate([np.linspace(-87.3, 88.7, 200_001), SMALL]),
    "expm1": np.concatenate([np.linspace(-30, 88.7, 200_001), SMALL]),
    "tanh": np.concatenate([np.linspace(-12, 12, 200_001), SMALL]),
    "log": np.concatenate([10.0 ** np.linspace(-37.9, 38.5, 200_001), np.linspace(0.5, 2, 200_001)]),
    "log1p": np.concatenate([10.0 ** np.linspace(-37, 38, 100_001), np.linspace(-0.9999, 2, 200_001), -SMALL[20_001:]]),
}
TINY = float(np.float32(1e-40))
EXTREMES = {
    "exp": {0.0: 1, TINY: 1, -1e4: 0, 1e4: math.inf, math.inf: math.inf, -math.inf: 0, 88.8: math.inf},
    "expm1": {0.0: 0, TINY: TINY, -TINY: -TINY, -1e4: -1, 1e4: math.inf, math.inf: math.inf, -math.inf: -1},
    "tanh": {0.0: 0, TINY: TINY, -TINY: -TINY, 1e4: 1, -1e4: -1, math.inf: 1, -math.inf: -1},
    "log": {0.0: -math.inf, 1.0: 0, math.inf: math.inf, -1.0: math.nan, -math.inf: math.nan},
    "log1p": {0.0: 0, TINY: TINY, -1.0: -math.inf, math.inf: math.inf, -1.5: math.nan, -math.inf: math.nan},
}
NAMES = sorted(GRIDS)


def over_array(function: Any) -> Callable[[np.ndarray], np.ndarray]:
    """A compiled loop of a function over an array, as components' kernels have it."""

    @numba.njit(fastmath=SAFE, error_model="numpy")
    def run(x):
        y = np.empty_like(x)
        for i in range(x.size):
            y[i] = function(x[i])
        return y

    return run


@pytest.fixture(scope="module")
def compiled() -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Each function over arrays, by name."""
    return {function.__name__: over_array(function) for function in FUNCTIONS.values()}


def test_there_is_a_grid_for_each() -> None:
    assert {function.__name__ for function in FUNCTIONS.values()} == set(GRIDS) == set(EXTREMES)
    assert all(original.__name__ == function.__name__ for original, function in FUNCTIONS.items())


@pytest.mark.parametrize("name", NAMES)
def test_accuracy(name: str, compiled: dict[str, Any]) -> None:
    x = GRIDS[name].astype(np.float32)
    x = x[np.abs(x) > np.finfo(np.float32).tiny]
    exact = getattr(np, name)(x.astype(np.float64))
    got = compiled[name](x)
    assert got.dtype == np.float32
    unit = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    error = np.abs(got - exact) / unit
    assert error.max() <= ULP, f"{error.max():.2f} units at {x[error.argmax()]!r}"


@pytest.mark.parametrize("name", NAMES)
def test_extremes(name: str, compiled: dict[str, Any]) -> None:
    """Also from the vectors of a long array, not only from its remainder."""
    for x, expected in EXTREMES[name].items():
        got = compiled[name](np.full(37, x, np.float32))
        np.testing.assert_array_equal(got, np.full(37, expected, np.float32), err_msg=f"{name}({x})")


@pytest.mark.parametrize("name", NAMES)
def test_nan_passes(name: str, compiled: dict[str, Any]) -> None:
    x = np.ones(37, np.float32)
    x[5] = x[36] = np.nan
    np.testing.assert_array_equal(np.isnan(compiled[name](x)), np.isnan(x))


@pytest.mark.parametrize("name", NAMES)
def test_vector_and_remainder_agree(name: str, compiled: dict[str, Any]) -> None:
    """An element has the same bits wherever it stands: thread counts may not show in results."""
    x = GRIDS[name][:1000].astype(np.float32)
    whole = compiled[name](x)
    alone = np.concatenate([compiled[name](x[k : k + 1]) for k in range(len(x))])
    assert whole.tobytes() == alone.tobytes()


def test_double_precision_keeps_the_librarys_own() -> None:
    assert BINDINGS["float64"] == {}
