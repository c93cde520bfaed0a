"""Functions of math: within 4 units in the last place, right at the extremes, and vectorised.

NUMBANN_TEST_NUMBERS=5000000 compares more numbers.
"""

from __future__ import annotations

import functools
import math
import os
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
COUNT = int(os.environ.get("NUMBANN_TEST_NUMBERS", 100_000))  # random float64 for each function
SMALLEST = {dtype: np.finfo(dtype).tiny for dtype in BINDINGS}  # what is below it may be zero
WORDS = {"float32": np.uint32, "float64": np.uint64}

# What lies around places where a function changes its form or leaves the range of numbers
PLACES = {
    "float32": [
        *(0.0, 2.0**-126, 0.34657, 2 / 3, 1.0, 4 / 3, 2.0, 3.85, 9.02, 9.19, 10.0, 87.3365, 88.0, 88.3762, 88.7228),
        *(126.0, 126.5, 127.0, 127.5, 128.0, 1e5, 2.0**126, 2.2e38),
    ],
    "float64": [
        *(0.0, 2.0**-1022, 0.34657, 0.5**0.5, 1.0, 2**0.5, 2.0, 4.0, 6.0, 19.1, 26.5, 27.0, 708.39, 708.75, 709.44),
        *(709.78, 1e9, 2.0**1022),
    ],
}


def numbers(dtype: str) -> np.ndarray:
    """Every 997th float32 or random float64, everyday numbers, multiples of pi/2, and what lies around places."""
    random, word = np.random.default_rng(0), WORDS[dtype]
    places = np.array(PLACES[dtype], dtype).view(word)[:, None] + np.arange(-2000, 2001).astype(word)
    around = np.concatenate([places.ravel(), places.ravel() + word(1 << (word().itemsize * 8 - 1))])
    if dtype == "float32":
        spread = np.arange(0, 2**32, 997, dtype=np.uint32)
    else:
        spread = random.integers(0, 2**64, COUNT, np.uint64)
    usual = np.concatenate([random.uniform(-size, size, COUNT // 4) for size in (0.5, 2.0, 30.0, 750.0)])
    turns = np.rint(10.0 ** random.uniform(0, 12, COUNT // 4)) * (math.pi / 2)
    found = np.concatenate([spread.view(dtype), around.view(dtype), usual.astype(dtype), turns.astype(dtype)])
    return found[np.isfinite(found)]


GRID = {dtype: numbers(dtype) for dtype in BINDINGS}
INF, NAN = math.inf, math.nan
TINY = {"float32": float(np.float32(1e-40)), "float64": 1e-310}
ODD = {0.0: 0, "tiny": "tiny", "-tiny": "-tiny"}
EXTREMES = {
    "exp": {0.0: 1, "tiny": 1, -1e4: 0, 1e4: INF, INF: INF, -INF: 0, 709.8: INF, 1e38: INF, -1e38: 0},
    "expm1": {**ODD, -1e4: -1, 1e4: INF, INF: INF, -INF: -1},
    "exp2": {0.0: 1, 10.0: 1024, -1e4: 0, 127.0: 2.0**127, 128.0: INF, 1e38: INF, INF: INF, -INF: 0},
    "log": {0.0: -INF, 1.0: 0, INF: INF, -1.0: NAN, -INF: NAN},
    "log1p": {**ODD, -1.0: -INF, INF: INF, -1.5: NAN, -INF: NAN},
    "log2": {0.0: -INF, 1.0: 0, 2.0**-149: -149, 2.0**127: 127, INF: INF, -1.0: NAN, -INF: NAN},
    "log10": {0.0: -INF, 1.0: 0, INF: INF, -1.0: NAN, -INF: NAN},
    "tanh": {**ODD, 1e4: 1, -1e4: -1, INF: 1, -INF: -1},
    "erf": {0.0: 0, 6.0: 1, 1e38: 1, INF: 1, -INF: -1},
    "erfc": {0.0: 1, "tiny": 1, 27.5: 0, -6.0: 2, 1e38: 0, -1e38: 2, INF: 0, -INF: 2},
    "atan": {**ODD, INF: math.pi / 2, -INF: -math.pi / 2},
    "sin": {**ODD, INF: NAN, -INF: NAN},
    "cos": {0.0: 1, "tiny": 1, INF: NAN, -INF: NAN},
}
CASES = [(dtype, function.__name__) for dtype, functions in BINDINGS.items() for function in functions]


def exact(name: str, x: np.ndarray) -> np.ndarray:
    """The function in a precision that is more than twice as fine, by NumPy or else by math, which has double alone."""
    function = getattr(np, {"atan": "arctan"}.get(name, name), None) or np.frompyfunc(getattr(math, name), 1, 1)
    fine = np.float64 if x.dtype == np.float32 or not hasattr(np, name) else np.longdouble
    with np.errstate(all="ignore"):
        return function(x.astype(fine)).astype(np.longdouble)


def units(got: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The error in units of the last place; 0 where both are too small to be normal or are the same infinity or NaN."""
    least = SMALLEST[got.dtype.name]
    with np.errstate(all="ignore"):
        rounded = expected.astype(got.dtype)
        error = np.abs(got - expected) / np.spacing(np.maximum(np.abs(rounded), least))
    both_small = (np.abs(expected) < least) & (np.abs(got) <= least)
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


@functools.cache
def compiled(dtype: str, name: str) -> Callable[[np.ndarray], np.ndarray]:
    """A function over arrays."""
    return over_array(BINDINGS[dtype][getattr(math, name)].function)


def test_all_are_tested() -> None:
    assert {name for _, name in CASES} == set(EXTREMES)
    for functions in BINDINGS.values():
        assert all(original.__name__ == place.function.__name__ for original, place in functions.items())


@pytest.mark.parametrize(("dtype", "name"), CASES)
def test_accuracy(dtype: str, name: str) -> None:
    x = GRID[dtype][:: 1 if hasattr(np, name) else 9]  # the functions of math take one number after the other
    got = compiled(dtype, name)(x)
    assert got.dtype == dtype
    error = units(got, exact(name, x))
    assert error.max() <= ULP, f"{error.max():.2f} units at {x[error.argmax()]!r}"


@pytest.mark.parametrize(("dtype", "name"), [case for case in CASES if case[1] in ("tanh", "erf", "sin", "cos")])
def test_bounds_are_kept(dtype: str, name: str) -> None:
    """A value above 1 would make a derivative 1 - a^2 negative."""
    assert np.abs(compiled(dtype, name)(GRID[dtype])).max() == 1


@pytest.mark.parametrize("dtype", BINDINGS)
def test_what_activations_make_of_them(dtype: str) -> None:
    """Sigmoid and softplus are as accurate when they are written in the way that does not overflow."""
    exp, log1p = (BINDINGS[dtype][function].function for function in (math.exp, math.log1p))
    zero, one = np.dtype(dtype).type(0), np.dtype(dtype).type(1)

    def one_sigmoid(z):
        e = exp(-abs(z))
        return (e if z < 0 else one) / (one + e)

    sigmoid = over_array(numba.njit(error_model="numpy")(one_sigmoid))
    softplus = over_array(numba.njit(lambda z: max(z, zero) + log1p(exp(-abs(z)))))
    x = GRID[dtype]
    z = x.astype(np.float64 if dtype == "float32" else np.longdouble)
    with np.errstate(all="ignore"):
        assert units(sigmoid(x), 1 / (1 + np.exp(-z))).max() <= ULP
        assert units(softplus(x), np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))).max() <= ULP


@pytest.mark.parametrize(("dtype", "name"), CASES)
def test_extremes(dtype: str, name: str) -> None:
    """Also from the vectors of a long array, not only from its remainder."""
    stands = {"tiny": TINY[dtype], "-tiny": -TINY[dtype]}
    for x, expected in EXTREMES[name].items():
        got = compiled(dtype, name)(np.full(37, stands.get(x, x), dtype))
        expected = np.full(37, stands.get(expected, expected), dtype)
        np.testing.assert_allclose(got, expected, 1e-13, 0, err_msg=f"{name}({x})")


@pytest.mark.parametrize("dtype", BINDINGS)
def test_minus_zero_stays(dtype: str) -> None:
    zeros = np.full(37, -0.0, dtype)
    assert np.signbit(compiled(dtype, "sin")(zeros)).all()


@pytest.mark.parametrize(("dtype", "name"), CASES)
def test_nan_passes(dtype: str, name: str) -> None:
    x = np.ones(37, dtype)
    x[5] = x[36] = np.nan
    np.testing.assert_array_equal(np.isnan(compiled(dtype, name)(x)), np.isnan(x))


@pytest.mark.parametrize(("dtype", "name"), CASES)
def test_vector_and_remainder_agree(dtype: str, name: str) -> None:
    """An element has the same bits wherever it stands: thread counts may not show in results."""
    x = np.random.default_rng(0).permutation(GRID[dtype])[:1000]
    whole = compiled(dtype, name)(x)
    alone = np.concatenate([compiled(dtype, name)(x[k : k + 1]) for k in range(len(x))])
    assert whole.tobytes() == alone.tobytes()


@pytest.mark.skipif(not WIDE, reason="looks for the registers of AVX-512")
@pytest.mark.parametrize(("dtype", "name"), CASES)
def test_loops_are_vectorised(dtype: str, name: str) -> None:
    """Vector registers in the loop, and no call but that of a vector function."""
    run = compiled(dtype, name)
    run(np.ones(1, dtype))
    code = next(iter(run.inspect_asm().values()))
    if name in ("sin", "cos"):
        assert re.search(rf"numbann_{name}_{dtype.replace('loat', '')}_x{32 // np.dtype(dtype).itemsize}, %r", code)
    else:
        assert re.search(rf"vfmadd\w+p{'s' if dtype == 'float32' else 'd'}.*%[yz]mm", code)
        assert f"${name}" not in code
