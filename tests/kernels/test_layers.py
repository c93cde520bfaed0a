"""Norms and dropout as kernels: NumPy's twins, gradients, refusals, the engine's draws, and @njit code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest
import reference

from numbann import kernels
from numbann.errors import KernelTypeError, KernelValueError, ShapeError

RANDOM = np.random.default_rng(0)
H, DZ = RANDOM.standard_normal((2, 7, 5))
SCALE, SHIFT = RANDOM.uniform(0.5, 2, (2, 5))
FORWARD = {"layer_norm": (SCALE, SHIFT), "rms_norm": (SCALE,), "batch_norm": (SCALE, SHIFT)}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FORWARD)
def test_norms_are_their_twins(name: str, dtype: str) -> None:
    close: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-11, "atol": 1e-13}
    given = [array.astype(dtype) for array in (H, *FORWARD[name])]
    z, back = getattr(kernels, name)(*given), getattr(kernels, f"{name}_backward")(DZ.astype(dtype), *given[:2])
    assert {z.dtype, *(array.dtype for array in back)} == {np.dtype(dtype)}
    np.testing.assert_allclose(z, getattr(reference, name)(H, *FORWARD[name]), **close)
    for got, expected in zip(back, getattr(reference, f"{name}_backward")(DZ, H, SCALE), strict=True):
        np.testing.assert_allclose(got, expected, **close)


@pytest.mark.parametrize("name", FORWARD)
def test_the_gradient_is_that_of_the_norm(name: str) -> None:
    forward, (dh, dscale, *_) = getattr(kernels, name), getattr(kernels, f"{name}_backward")(DZ, H, SCALE)
    others = FORWARD[name][1:]
    for found, at in ((dh, 0), (dscale, 1)):
        given = [H, SCALE, *others]
        for index in np.ndindex(found.shape):
            ends = []
            for step in (1e-6, -1e-6):
                moved = [each.copy() for each in given]
                moved[at][index] += step
                ends.append((forward(*moved) * DZ).sum())
            assert found[index] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-6)


def test_running_statistics() -> None:
    mean, variance = np.zeros(5), np.ones(5)
    kernels.batch_norm(H, SCALE, SHIFT, mean, variance, momentum=0.3)
    np.testing.assert_allclose((mean, variance), reference.moved(H, np.zeros(5), np.ones(5), 0.3))
    expected = reference.running_norm(H, SCALE, SHIFT, mean, variance)
    np.testing.assert_allclose(kernels.running_norm(H, SCALE, SHIFT, mean, variance), expected)


def test_dropout_draws_as_the_engine_does_and_as_its_way_back() -> None:
    u = reference.draws(11, *H.shape)
    np.testing.assert_allclose(kernels.dropout(H, 0.4, 11), reference.dropout(H, u, 0.4))
    np.testing.assert_allclose(kernels.dropout_backward(DZ, 0.4, 11), reference.dropout(DZ, u, 0.4))
    out = np.empty_like(H)
    assert kernels.dropout(H, 0.4, 11, out=out) is out
    np.testing.assert_array_equal(out, kernels.dropout(H, 0.4, 11))


@numba.njit
def _block(h, scale, shift, dz):
    z = kernels.layer_norm(h, scale, shift)
    y = kernels.dropout(z, 0.5, 3)
    back = kernels.layer_norm_backward(kernels.dropout_backward(dz, 0.5, 3), h, scale)
    return y, back[0], back[1], back[2]


def test_compiled_code_calls_them() -> None:
    y, *back = _block(H, SCALE, SHIFT, DZ)
    np.testing.assert_array_equal(y, kernels.dropout(kernels.layer_norm(H, SCALE, SHIFT), 0.5, 3))
    expected = kernels.layer_norm_backward(kernels.dropout_backward(DZ, 0.5, 3), H, SCALE)
    for got, right in zip(back, expected, strict=True):
        np.testing.assert_array_equal(got, right)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: kernels.dropout(H, 1.0, 0), KernelValueError, "dropout: rate is 1.0; give a number >= 0 and < 1"),
        (lambda: kernels.dropout(H, 0.1, -1), KernelValueError, "seed is -1; give a whole number, from 0"),
        (lambda: kernels.dropout(H, 0.1, 0.5), KernelTypeError, "seed is 0.5"),
        (lambda: kernels.layer_norm(H, SCALE[:2], SHIFT), ShapeError, "scale has 2 elements, rows have 5"),
        (lambda: kernels.layer_norm(H, SCALE, SHIFT, 0.0), KernelValueError, "epsilon is 0.0; give a number > 0"),
        (lambda: kernels.layer_norm(H, SCALE.astype("f4"), SHIFT), KernelTypeError, "an array of float64, as h is"),
        (lambda: kernels.batch_norm(H, SCALE, SHIFT, SHIFT), KernelValueError, "give both mean and variance"),
        (lambda: kernels.batch_norm(H, SCALE, SHIFT, SHIFT, SCALE), KernelValueError, "mean and another array share"),
        (
            lambda: kernels.layer_norm_backward(DZ, H, SCALE, out=(DZ + 1, SCALE, SHIFT)),
            KernelValueError,
            r"out\[1\] and another array share memory",
        ),
        (lambda: kernels.rms_norm_backward(DZ[:2], H, SCALE), ShapeError, "h and dz have shapes"),
    ],
)
def test_what_is_refused(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_no_rows_and_no_columns() -> None:
    assert kernels.batch_norm(H[:0], SCALE, SHIFT).shape == (0, 5)
    assert kernels.layer_norm(H[:, :0], SCALE[:0], SHIFT[:0]).shape == (7, 0)
    assert [each.shape for each in kernels.layer_norm_backward(H[:0], H[:0], SCALE)] == [(0, 5), (5,), (5,)]
