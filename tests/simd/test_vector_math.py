"""Functions of math in single precision: within 4 units in the last place, right at the extremes, and vectorised."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest

from numbann.simd.jit import SAFE
from numbann.simd.machine import WIDE
from numbann.simd.vector_math import BINDINGS

ULP = 4
FUNCTIONS = BINDINGS["float32"]
SMALLEST = np.finfo(np.float32).tiny  # what is below it may be zero

# Every 997th float32, and what lies around places where a function changes its form or leaves the range of numbers
PLACES = [0.0, 2.0**-126, 0.34657, 2 / 3, 1.0, 4 / 3, 2.0, 3.85, 9.02, 9.19, 10.0, 87.3365, 88.0, 88.3762, 88.7228]
PLACES += [126.0, 126.5, 127.0, 127.5, 128.0, 2.0**126, 2.2e38]
AROUND = (np.array(PLACES, np.float32).view(np.int32)[:, None] + np.arange(-2000, 2001)).ravel()
GRID = np.concatenate([np.arange(0, 2**32, 997), AROUND, AROUND + 2**31]).astype(np.uint32).view(np.float32)
GRID = GRID[np.isfinite(GRID)]

TINY = float(np.float32(1e-40))
INF, NAN = math.inf, math.nan
ODD = {0.0: 0, TINY: TINY, -TINY: -TINY}
EXTREMES = {
    "exp": {0.0: 1, TINY: 1, -1e4: 0, 1e4: INF, INF: INF, -INF: 0, 88.8: INF, 1e38: INF, -1e38: 0},
    "expm1": {**ODD, -1e4: -1, 1e4: INF, INF: INF, -INF: -1},
    "exp2": {0.0: 1, 10.0: 1024, -1e4: 0, 127.0: 2.0**127, 128.0: INF, 1e38: INF, INF: INF, -INF: 0},
    "log": {0.0: -INF, 1.0: 0, INF: INF, -1.0: NAN, -INF: NAN},
    "log1p": {**ODD, -1.0: -INF, INF: INF, -1.5: NAN, -INF: NAN},
    "log2": {0.0: -INF, 1.0: 0, 2.0**-149: -149, 2.0**127: 127, INF: INF, -1.0: NAN, -INF: NAN},
    "log10": {0.0: -INF, 1.0: 0, INF: INF, -1.0: NAN, -INF: NAN},
    "tanh": {**ODD, 1e4: 1, -1e4: -1, INF: 1, -INF: -1},
    "erf": {0.0: 0, 4.0: 1, 1e38: 1, INF: 1, -INF: -1},
    "erfc": {0.0: 1, TINY: 1, 11.0: 0, -4.0: 2, 1e38: 0, -1e38: 2, INF: 0, -INF: 2},
    "atan": {**ODD, INF: np.float32(math.pi / 2), -INF: -np.float32(math.pi / 2)},
}
NAMES = sorted(EXTREMES)


def exact(name: str, x: np.ndarray) -> np.ndarray:
    """The function in double precision, by NumPy or else by math."""
    function = getattr(np, {"atan": "arctan"}.get(name, name), None) or np.frompyfunc(getattr(math, name), 1, 1)
    with np.errstate(all="ignore"):
        return function(x.astype(np.float64)).astype(np.float64)


def units(got: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The error in units of the last place; 0 where both are too small to be normal or are the same infinity or NaN."""
    with np.errstate(all="ignore"):
        rounded = expected.astype(np.float32)
        error = np.abs(got - expected) / np.spacing(np.maximum(np.abs(rounded), SMALLEST))
    both_small = (np.abs(expected) < SMALLEST) & (np.abs(got) <= SMALLEST)
    error[both_small | (got == rounded) & np.isinf(got) | np.isnan(got) & np.isnan(expected)] = 0
    return np.where(np.isnan(error), np.inf, error)


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


def test_all_are_tested() -> None:
    assert {function.__name__ for function in FUNCTIONS.values()} == set(EXTREMES)
    assert all(original.__name__ == function.__name__ for original, function in FUNCTIONS.items())


@pytest.mark.parametrize("name", NAMES)
def test_accuracy(name: str, compiled: dict[str, Any]) -> None:
    got = compiled[name](GRID)
    assert got.dtype == np.float32
    error = units(got, exact(name, GRID))
    assert error.max() <= ULP, f"{error.max():.2f} units at {GRID[error.argmax()]!r}"


@pytest.mark.parametrize("name", ["tanh", "erf"])
def test_bounds_are_kept(name: str, compiled: dict[str, Any]) -> None:
    """A value above 1 would make a derivative 1 - a^2 negative."""
    assert np.abs(compiled[name](GRID)).max() == 1


def test_what_activations_make_of_them() -> None:
    """Sigmoid and softplus are as accurate when they are written in the way that does not overflow."""
    exp, log1p, one = FUNCTIONS[math.exp], FUNCTIONS[math.log1p], np.float32(1)

    def one_sigmoid(z):
        e = exp(-abs(z))
        return (e if z < 0 else one) / (one + e)

    sigmoid = over_array(numba.njit(error_model="numpy")(one_sigmoid))
    softplus = over_array(numba.njit(lambda z: max(z, np.float32(0)) + log1p(exp(-abs(z)))))
    z = GRID.astype(np.float64)
    with np.errstate(all="ignore"):
        assert units(sigmoid(GRID), 1 / (1 + np.exp(-z))).max() <= ULP
        assert units(softplus(GRID), np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))).max() <= ULP


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
    x = np.random.default_rng(0).permutation(GRID)[:1000]
    whole = compiled[name](x)
    alone = np.concatenate([compiled[name](x[k : k + 1]) for k in range(len(x))])
    assert whole.tobytes() == alone.tobytes()


@pytest.mark.skipif(not WIDE, reason="looks for the registers of AVX-512")
@pytest.mark.parametrize("name", NAMES)
def test_loops_are_vectorised(name: str) -> None:
    """Vector registers in the loop, and no call of a function of the C library."""
    run = over_array(FUNCTIONS[getattr(math, name)])
    run(np.ones(1, np.float32))
    code = next(iter(run.inspect_asm().values()))
    assert re.search(r"vfmadd\w+ps.*%[yz]mm", code)
    assert f"${name}" not in code


def test_double_precision_keeps_the_librarys_own() -> None:
    assert BINDINGS["float64"] == {}
