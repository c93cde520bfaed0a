"""Every component's array functions for a GPU, on one or in its simulator, against their NumPy twins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba_cuda")

import reference
from column_major import stand_in
from networks import make_targets
from variants import variants

from numbann import kernels as host
from numbann.components.component import Component
from numbann.cuda.threads.device import SIMULATED, cuda
from numbann.errors import KernelTypeError, KernelValueError, ShapeError
from numbann.kernels import cuda as kernels

pytestmark = [
    pytest.mark.skipif(not SIMULATED and not cuda.is_available(), reason="needs a GPU or its simulator"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # of NumPy in the simulator: infinities
]

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
CLOSE: dict[str, dict[str, float]] = {
    "float32": {"rtol": 3e-5, "atol": 1e-6},
    "float64": {"rtol": 1e-12, "atol": 1e-14},
}
STEPS: dict[str, dict[str, float]] = {"float32": {"rtol": 1e-3, "atol": 1e-5}, "float64": {"rtol": 1e-10}}
put = cuda.to_device


def wide(*arrays: np.ndarray) -> list[np.ndarray]:
    """The same numbers in float64."""
    return [array.astype(np.float64) for array in arrays]


@DTYPES
@pytest.mark.parametrize("shape", [(1, 1), (3, 5)])
@pytest.mark.parametrize(("component", "values"), variants("activation"))
def test_activation(component: Component, values: dict[str, Any], shape: tuple[int, int], dtype: str) -> None:
    random = np.random.default_rng(shape[1])
    z, da = (random.normal(0, 3, shape).astype(dtype) for _ in range(2))
    a = getattr(kernels, component.name)(put(z), **values).copy_to_host()
    dz = getattr(kernels, f"{component.name}_backward")(put(da), put(z), put(a), **values).copy_to_host()
    assert (a.dtype, dz.dtype) == (dtype, dtype)
    np.testing.assert_allclose(a, getattr(reference, component.name)(*wide(z), **values), **CLOSE[dtype])
    expected = getattr(reference, f"{component.name}_backward")(*wide(da, z, a), **values)
    np.testing.assert_allclose(dz, expected, **CLOSE[dtype])


@pytest.mark.parametrize(("component", "values"), variants("activation"))
def test_activation_of_extremes(component: Component, values: dict[str, Any]) -> None:
    """Large numbers do not become NaN, and NaN stays NaN."""
    z = np.array([[1e4, -1e4], [0.0, -0.0], [1e-40, 1e3], [np.nan, 1.0]], np.float32)
    got = getattr(kernels, component.name)(put(z), **values).copy_to_host()
    expected = getattr(reference, component.name)(*wide(z), **values).astype(np.float32)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-37)


@DTYPES
@pytest.mark.parametrize("shape", [(1, 1), (5, 3)])
@pytest.mark.parametrize(("component", "values"), [one for one in variants("loss") if one.values[0].form != "batch"])
def test_loss(component: Component, values: dict[str, Any], shape: tuple[int, int], dtype: str) -> None:
    random = np.random.default_rng(shape[1])
    shape = shape[0], shape[1] * component.traits["outputs"]
    y, t = random.normal(0, 3, shape).astype(dtype), make_targets(component, *shape, random)
    t = t if "label" in component.roles else t.astype(dtype)
    value, dy = getattr(kernels, component.name)(put(y), put(t), **values)
    expected, expected_dy = getattr(reference, component.name)(y.astype("f8"), t, **values)
    assert isinstance(value, float)
    assert value == pytest.approx(expected.mean(), rel=1e-5 if dtype == "float32" else 1e-12, abs=1e-6)
    np.testing.assert_allclose(dy.copy_to_host(), expected_dy / len(y), **CLOSE[dtype])


@DTYPES
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize(("component", "values"), variants("optimizer", "elementwise"))
def test_optimizer(component: Component, values: dict[str, Any], weight_decay: float, dtype: str) -> None:
    random, kept = np.random.default_rng(0), component.configured(**values).stored_states
    w = random.standard_normal((3, 3)).astype(dtype)
    expected = wide(w, *(np.zeros_like(w) for _ in component.states))
    got, states = put(w), {name: put(np.zeros_like(w)) for name in kept}
    for step in range(1, 6):
        g = (np.sign(w) * random.uniform(0.5, 1.5, w.shape)).astype(dtype)
        counted = {"step": step} if "step" in component.roles else {}
        parameters = {**component.defaults(), **values, "weight_decay": weight_decay}
        getattr(kernels, f"{component.name}_step")(got, put(g), **states, **counted, **parameters)
        others = dict(zip(component.states, expected[1:], strict=True))
        twin = getattr(reference, f"{component.name}_step")
        expected = twin(expected[0], *wide(g), **others, **counted, weight_decay=weight_decay, **values)
    named = dict(zip(component.states, expected[1:], strict=True))
    np.testing.assert_allclose(got.copy_to_host(), expected[0], **STEPS[dtype])
    for name, state in states.items():
        np.testing.assert_allclose(state.copy_to_host(), named[name], **STEPS[dtype])


@DTYPES
@pytest.mark.parametrize("sizes", [(1, 1, 1), (3, 5, 2), (9, 8, 17), (17, 3, 9)], ids=str)
def test_products(sizes: tuple[int, int, int], dtype: str) -> None:
    rows, inputs, outputs = sizes
    random = np.random.default_rng(0)
    shapes = (rows, inputs), (inputs, outputs), (outputs,), (rows, outputs)
    x, w, b, dy = (random.standard_normal(shape).astype(dtype) for shape in shapes)
    close = {"rtol": 1e-4, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-11, "atol": 1e-12}
    np.testing.assert_allclose(kernels.matmul(put(x), put(w)).copy_to_host(), x @ w, **close)
    np.testing.assert_allclose(kernels.dense_forward(put(x), put(w), put(b)).copy_to_host(), x @ w + b, **close)
    out = tuple(put(np.full_like(one, 7)) for one in (x, w, b))
    got = kernels.dense_backward(put(x), put(w), put(dy), out=out)
    assert all(one is other for one, other in zip(got, out, strict=True))
    for one, expected in zip(got, (dy @ w.T, x.T @ dy, dy.sum(axis=0)), strict=True):
        np.testing.assert_allclose(one.copy_to_host(), expected, **close)


def test_products_without_elements() -> None:
    """A sum of nothing is 0, and nothing is read for it."""
    x, w, b, dy = np.zeros((3, 0)), np.zeros((0, 2)), np.array([1.0, 2]), np.ones((3, 2))
    np.testing.assert_array_equal(kernels.matmul(put(x), put(w)).copy_to_host(), np.zeros((3, 2)))
    np.testing.assert_array_equal(kernels.dense_forward(put(x), put(w), put(b)).copy_to_host(), np.tile(b, (3, 1)))
    np.testing.assert_array_equal(kernels.dense_backward(put(x), put(w), put(dy))[2].copy_to_host(), [3.0, 3.0])
    gradients = kernels.dense_backward(put(x.T), put(np.ones((3, 2))), put(dy[:0]))
    assert [one.shape for one in gradients] == [(0, 3), (3, 2), (2,)]
    assert not any(one.copy_to_host().any() for one in gradients)


@pytest.mark.skipif(not SIMULATED, reason="needs the simulator, whose arrays are NumPy's")
def test_products_by_cublas(monkeypatch: pytest.MonkeyPatch) -> None:
    twin = stand_in(monkeypatch)
    test_products((3, 5, 2), "float32")
    assert twin.sizes == [(2, 3, 5), (2, 3, 5), (5, 3, 2), (2, 5, 3)]


def test_products_that_do_not_fit() -> None:
    x, w, b = (put(np.zeros(shape)) for shape in ((2, 3), (4, 5), (5,)))
    with pytest.raises(ShapeError, match=r"matmul: shapes \(2, 3\) and \(4, 5\) do not fit: columns of the first"):
        kernels.matmul(x, w)
    with pytest.raises(ShapeError, match=r"out has shape \(2, 3\), the result has \(4, 4\)"):
        kernels.matmul(w, put(np.zeros((5, 4))), out=x)
    with pytest.raises(ShapeError, match="dense_forward: b has 3 elements, w has 5 columns"):
        kernels.dense_forward(w, put(np.zeros((5, 5))), put(np.zeros(3)))
    with pytest.raises(ShapeError, match=r"dense_backward: dy has shape \(5,\), it must be \(2, 5\)"):
        kernels.dense_backward(put(np.zeros((2, 4))), w, b)
    with pytest.raises(TypeError, match="matmul: arrays of float64 and float32"):
        kernels.matmul(x, put(np.zeros((3, 1), np.float32)))


def test_the_names_are_those_of_the_cpu() -> None:
    assert set(dir(kernels)) == set(dir(host)) - kernels.ELSEWHERE
    assert all(callable(getattr(kernels, name)) for name in dir(kernels))
    with pytest.raises(AttributeError, match=r"layer_norm is in numbann\.kernels alone"):
        _ = kernels.layer_norm
    with pytest.raises(AttributeError, match=r"mae_metric is in numbann\.kernels alone"):
        _ = kernels.mae_metric
    with pytest.raises(AttributeError, match="no kernel 'nothing'"):
        kernels.nothing  # noqa: B018


def test_results_go_where_they_are_asked_for() -> None:
    z, out = put(np.array([[-1.0, 2.0]], np.float32)), cuda.device_array((1, 2), np.float32)
    assert kernels.relu(z, out=out) is out
    np.testing.assert_array_equal(out.copy_to_host(), [[0.0, 2.0]])
    _, dy = kernels.mse(z, put(np.zeros((1, 2), np.float32)), out=out)
    assert dy is out


def test_arrays_of_any_number_of_dimensions() -> None:
    y = np.arange(24, dtype=np.float64).reshape(2, 3, 4)
    np.testing.assert_array_equal(kernels.relu(put(y)).copy_to_host(), y)
    np.testing.assert_allclose(kernels.softmax(put(y))[1].copy_to_host(), reference.softmax(y[1]), rtol=1e-14)
    for x in (y, y.ravel(), y[:0]):
        value, dy = kernels.mse(put(x), put(np.zeros_like(x)))
        assert dy.shape == x.shape
        if x.size:
            assert value == pytest.approx((x**2).mean())


def test_what_does_not_fit() -> None:
    z = put(np.zeros((2, 3)))
    with pytest.raises(ShapeError, match=r"relu: shapes \(2, 3\) and \(3, 2\) must be equal"):
        kernels.relu(z, out=put(np.zeros((3, 2))))
    with pytest.raises(ShapeError, match=r"mse: shapes \(2, 3\) and \(2,\) must be equal"):
        kernels.mse(z, put(np.zeros(2)))
    with pytest.raises(ShapeError, match=r"softmax_cross_entropy: shapes \(2,\) and \(3,\) must be equal"):
        kernels.softmax_cross_entropy(z, put(np.zeros(3, np.int64)))
    with pytest.raises(ValueError, match=r"softmax_cross_entropy: label 3 is outside 0\.\.2"):
        kernels.softmax_cross_entropy(z, put(np.array([0, 3])))
    with pytest.raises(ShapeError, match=r"gaussian_nll: shapes \(2, 3\) and \(2, 1\) must be \(B, 2 T\) and \(B, T\)"):
        kernels.gaussian_nll(z, put(np.zeros((2, 1))))
    with pytest.raises(TypeError, match="relu: arrays must be of float32 or float64, not int64"):
        kernels.relu(put(np.zeros(3, np.int64)))
    with pytest.raises(TypeError, match="sgd_step: arrays of float64 and float32; both must be of one type"):
        kernels.sgd_step(z, put(np.zeros((2, 3), np.float32)), 1)
    with pytest.raises(KernelTypeError, match=r"relu: an array of shape \(3, 2\) is not C-ordered"):
        kernels.relu(put(np.zeros((3, 2), order="F")))
    with pytest.raises(KernelTypeError, match="relu: an array on the GPU is needed, not list"):
        kernels.relu([1.0])
    with pytest.raises(KernelValueError, match="adam_step: its parameters ask for the state largest; give an array"):
        kernels.adam_step(z, z, z, z, 1, amsgrad=True)


def test_what_is_refused_as_on_the_cpu() -> None:
    z, long = put(np.zeros((3, 3))), put(np.zeros(8))
    with pytest.raises(KernelValueError, match="adam_step: an output shares memory"):
        kernels.adam_step(z, put(np.ones((3, 3))), z, z, 1)
    with pytest.raises(KernelValueError, match="matmul: an output shares memory"):
        kernels.matmul(z, z, out=z)
    with pytest.raises(KernelValueError, match="relu: an output shares memory"):
        kernels.relu(long[1:], out=long[:-1])
    assert kernels.relu(z, out=z) is z
    with pytest.raises(KernelValueError, match="sgd_step: step is 0; give a whole number, from 1"):
        kernels.sgd_step(z, put(np.ones((3, 3))), 0)
    with pytest.raises(KernelValueError, match=r"huber: delta is -1\.0; give a number > 0"):
        kernels.huber(z, put(np.ones((3, 3))), delta=-1)
    with pytest.raises(KernelTypeError, match="softmax_cross_entropy: t is an array of float64"):
        kernels.softmax_cross_entropy(z, put(np.ones(3)))
