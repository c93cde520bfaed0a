"""Embeddings as kernels: values, gradients, compiled code, those of plugins, and what is refused."""

from __future__ import annotations

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
FUNCTIONS = {"pbld": 1, "periodic": 2, "linear_relu": 0}
NAMES = [entry.component.name for entry in built_in().entries("embedding")]


def trained(name: str, dtype: str = "float64") -> tuple[np.ndarray, ...]:
    """What it trains, for 3 inputs, 4 terms and 2 outputs."""
    component, found = built_in().get("embedding", name), []
    for it in getattr(kernels, name).arguments[1:-1]:
        shape = {"mix": (3, 4 * FUNCTIONS[name], 2), **dict.fromkeys(component.output.learnable, (3, 2))}
        found.append(RANDOM.standard_normal(shape.get(it.name, (3, 4))).astype(dtype))
    return tuple(found)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_and_gradients_are_those_of_numpy(name: str, dtype: str) -> None:
    given, x, tolerance = trained(name, dtype), X.astype(dtype), {"float32": 2e-4, "float64": 1e-11}[dtype]
    e = getattr(kernels, name)(x, *given)
    np.testing.assert_allclose(e, getattr(reference, name)(x.astype("f8"), *given), atol=tolerance)
    de = RANDOM.standard_normal(e.shape).astype(dtype)
    found = getattr(kernels, f"{name}_backward")(de, x, *given)
    expected = getattr(reference, f"{name}_backward")(de.astype("f8"), x.astype("f8"), *given)
    for one, other, argument in zip(found, expected, given, strict=True):
        assert (one.dtype, one.shape) == (dtype, argument.shape)
        np.testing.assert_allclose(one, other, atol=100 * tolerance)


@numba.njit
def _both_ways(de, x, frequency, phase, mix, offset):
    return kernels.pbld(x, frequency, phase, mix, offset), kernels.pbld_backward(de, x, frequency, phase, mix, offset)


def test_compiled_code_out_and_other_orders() -> None:
    given = trained("pbld")
    e, de = kernels.pbld(X, *given), np.ones((70, 3, 3))
    expected = kernels.pbld_backward(de, X, *given)
    out, outs = np.empty_like(e), tuple(map(np.empty_like, given))
    assert kernels.pbld(X, *given, out=out) is out
    assert kernels.pbld_backward(de, X, *given, out=outs) is outs
    found, compiled = _both_ways(de, X, *given)
    turned = kernels.pbld_backward(de[::-1][::-1], np.asfortranarray(X), *map(np.asfortranarray, given))
    for one in (out, found):
        np.testing.assert_array_equal(one, e)
    for each in (outs, compiled, turned):
        for one, right in zip(each, expected, strict=True):
            np.testing.assert_array_equal(one, right)
    assert kernels.pbld(X[:0], *given).shape == (0, 3, 3)


@embedding(terms="count")
def bent(z, offset: Learnable = 0.0, count: int = 2, outputs: int = 2, height: float = 3.0):
    """Bent."""
    return height * tanh(z + offset)


@bent.term
def line(x, slope: Learnable = 1.0):
    return slope * x


@embedding
def untrained(x, outputs: int = 2):
    """Untrained."""
    return tanh(x)


def test_those_of_plugins() -> None:
    forward, backward = kernels.of(bent, height=2.0)
    slope, mix, offset = np.ones((3, 1)), np.ones((3, 1, 1)), np.zeros((3, 1))
    np.testing.assert_allclose(forward(X, slope, mix, offset)[:, :, 0], 2 * np.tanh(X))
    np.testing.assert_allclose(forward(X, slope, mix, offset, 1.0)[:, :, 0], np.tanh(X))
    _, _, doffset = backward(np.ones((70, 3, 1)), X, slope, mix, offset)
    np.testing.assert_allclose(doffset[:, 0], (2 * (1 - np.tanh(X) ** 2)).sum(0))
    with pytest.raises(PluginError, match="trains nothing"):
        kernels.of(untrained)


def test_what_is_refused() -> None:
    given = trained("pbld")
    with pytest.raises(ShapeError, match=r"pbld: phase has the shape \(2, 4\); give \(3, 4\)"):
        kernels.pbld(X, given[0], given[1][:2], *given[2:])
    with pytest.raises(ShapeError, match=r"x is an array of float64 and shape \(70,\); give 2 dimensions"):
        kernels.pbld(X[:, 0], *given)
    with pytest.raises(ShapeError, match=r"pbld_backward: de has the shape \(70, 3, 2\); give \(70, 3, 3\)"):
        kernels.pbld_backward(np.ones((70, 3, 2)), X, *given)
    with pytest.raises(KernelTypeError, match="mix is an array of float32"):
        kernels.pbld(X, *given[:2], given[2].astype("f4"), given[3])
    with pytest.raises(KernelValueError, match=r"pbld_backward: dfrequency and frequency share memory"):
        kernels.pbld_backward(np.ones((70, 3, 3)), X, *given, out=(given[0], *map(np.empty_like, given[1:])))
