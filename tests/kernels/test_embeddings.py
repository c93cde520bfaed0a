"""Embeddings as kernels: values, gradients, compiled code, those of plugins, and what is refused."""

from __future__ import annotations

import os
from math import tanh

import numba
import numpy as np
import pytest
import reference

from numbann import Learnable, embedding, kernels
from numbann.components.built_in import built_in
from numbann.errors import KernelTypeError, KernelValueError, PluginError, ShapeError

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((70, 3))
SINGLE = X.astype("f4")
DTYPES = {"pbld": "float32", "periodic": "float64"}  # each takes seconds to compile
if "NUMBANN_TEST_ALL" in os.environ:
    DTYPES |= {"linear_relu": "float64"}


def trained(name: str) -> tuple[np.ndarray, ...]:
    """What it trains, for 3 inputs, 4 terms and 2 outputs."""
    component, dtype, found = built_in().get("embedding", name), DTYPES[name], []
    for it in getattr(kernels, name).arguments[1:-1]:
        shape = {"mix": (3, 4 * len(component.terms), 2), **dict.fromkeys(component.output.learnable, (3, 2))}
        found.append(RANDOM.standard_normal(shape.get(it.name, (3, 4))).astype(dtype))
    return tuple(found)


@pytest.mark.parametrize(("name", "dtype"), DTYPES.items())
def test_values_and_gradients_are_those_of_numpy(name: str, dtype: str) -> None:
    given, x, tolerance = trained(name), X.astype(dtype), {"float32": 2e-4, "float64": 1e-11}[dtype]
    e = getattr(kernels, name)(x, *given)
    np.testing.assert_allclose(e, getattr(reference, name)(x.astype("f8"), *given), atol=tolerance)
    de = RANDOM.standard_normal(e.shape).astype(dtype)
    found = getattr(kernels, f"{name}_backward")(de, x, *given)
    expected = getattr(reference, f"{name}_backward")(de.astype("f8"), x.astype("f8"), *given)
    for one, other, argument in zip(found, expected, given, strict=True):
        assert (one.dtype, one.shape) == (dtype, argument.shape)
        np.testing.assert_allclose(one, other, atol=100 * tolerance)


@numba.njit
def _compiled(de, x, frequency, phase, mix, offset):
    return kernels.pbld_backward(de, x, frequency, phase, mix, offset)


def test_compiled_code_out_and_other_orders() -> None:
    given = trained("pbld")
    e, de = kernels.pbld(SINGLE, *given), np.ones((70, 3, 3), "f4")
    expected = kernels.pbld_backward(de, SINGLE, *given)
    out, outs = np.empty_like(e), tuple(map(np.empty_like, given))
    assert kernels.pbld(SINGLE, *given, out=out) is out
    assert kernels.pbld_backward(de, SINGLE, *given, out=outs) is outs
    for one in (out, kernels.pbld(np.asfortranarray(SINGLE), *map(np.asfortranarray, given))):
        np.testing.assert_array_equal(one, e)
    for each in (outs, _compiled(de, SINGLE, *given)):
        for one, right in zip(each, expected, strict=True):
            np.testing.assert_array_equal(one, right)
    assert kernels.pbld(SINGLE[:0], *given).shape == (0, 3, 3)


@embedding
def bent(x, slope: Learnable = 1.0, outputs: int = 2, height: float = 3.0):
    """Bent: an embedding without terms."""
    return height * tanh(slope * x)


@embedding
def untrained(x, outputs: int = 2):
    """Untrained."""
    return tanh(x)


def test_those_of_plugins() -> None:
    forward, backward = kernels.of(bent, height=2.0)
    slope = RANDOM.standard_normal((3, 2))
    np.testing.assert_allclose(forward(X, slope), 2 * np.tanh(X[:, :, None] * slope))
    np.testing.assert_allclose(forward(X, slope, 1.0), np.tanh(X[:, :, None] * slope))
    (found,) = backward(np.ones((70, 3, 2)), X, slope)
    np.testing.assert_allclose(found, (2 * X[:, :, None] / np.cosh(X[:, :, None] * slope) ** 2).sum(0))
    with pytest.raises(PluginError, match="trains nothing"):
        kernels.of(untrained)


def test_what_is_refused() -> None:
    given = trained("pbld")
    with pytest.raises(ShapeError, match=r"pbld: phase has the shape \(2, 4\); give \(3, 4\)"):
        kernels.pbld(SINGLE, given[0], given[1][:2], *given[2:])
    with pytest.raises(ShapeError, match=r"x is an array of float32 and shape \(70,\); give 2 dimensions"):
        kernels.pbld(SINGLE[:, 0], *given)
    with pytest.raises(ShapeError, match=r"pbld_backward: de has the shape \(70, 3, 2\); give \(70, 3, 3\)"):
        kernels.pbld_backward(np.ones((70, 3, 2), "f4"), SINGLE, *given)
    with pytest.raises(KernelTypeError, match="mix is an array of float64"):
        kernels.pbld(SINGLE, *given[:2], given[2].astype("f8"), given[3])
    with pytest.raises(KernelValueError, match=r"pbld_backward: dfrequency and frequency share memory"):
        kernels.pbld_backward(np.ones((70, 3, 3), "f4"), SINGLE, *given, out=(given[0], *map(np.empty_like, given[1:])))
