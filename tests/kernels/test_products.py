"""matmul and the dense layer on arrays: NumPy twins, shapes that fit no vector, `out=`, errors, calls from @njit."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
import reference

from numbann import kernels
from numbann.errors import ShapeError

SHAPES = [(1, 1, 1), (1, 5, 17), (7, 33, 70), (24, 16, 64), (25, 130, 65), (3, 385, 2), (130, 1, 129), (2, 800, 31)]
TOLERANCE = {"float32": {"rtol": 1e-5, "atol": 1e-4}, "float64": {"rtol": 1e-12, "atol": 1e-12}}


def arrays(dtype: str, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    """Random arrays of these shapes."""
    random = np.random.default_rng(sum(map(sum, shapes)))
    return [random.standard_normal(shape).astype(dtype) for shape in shapes]


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> str:
    """Both precisions."""
    return str(request.param)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matmul(shape: tuple[int, int, int], dtype: str) -> None:
    rows, depth, columns = shape
    a, b = arrays(dtype, (rows, depth), (depth, columns))
    got = kernels.matmul(a, b)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, reference.matmul(a.astype("f8"), b.astype("f8")), **TOLERANCE[dtype])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_dense(shape: tuple[int, int, int], dtype: str) -> None:
    rows, inputs, outputs = shape
    x, w, b, dy = arrays(dtype, (rows, inputs), (inputs, outputs), (outputs,), (rows, outputs))
    wide = [array.astype("f8") for array in (x, w, b, dy)]
    got = [kernels.dense_forward(x, w, b), *kernels.dense_backward(x, w, dy)]
    expected = [reference.dense_forward(*wide[:3]), *reference.dense_backward(wide[0], wide[1], wide[3])]
    for one, other in zip(got, expected, strict=True):
        assert one.dtype == dtype
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, **TOLERANCE[dtype])


def test_results_go_where_they_are_asked_to() -> None:
    x, w, b, dy = arrays("float32", (5, 7), (7, 19), (19,), (5, 19))
    out = np.full((5, 19), np.nan, np.float32)
    for function, given in ((kernels.dense_forward, (x, w, b)), (kernels.matmul, (x, w))):
        expected = function(*given)
        out[:] = np.nan
        function(*given, out=out)
        np.testing.assert_array_equal(out, expected)
    gradients = tuple(np.full_like(array, np.nan) for array in (x, w, b))
    kernels.dense_backward(x, w, dy, out=gradients)
    for got, expected in zip(gradients, kernels.dense_backward(x, w, dy), strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("shape", [(0, 3, 2), (3, 0, 2), (3, 2, 0)], ids=str)
def test_nothing_to_do(shape: tuple[int, int, int], dtype: str) -> None:
    """No rows, no inputs or no outputs: what NumPy gives, and an empty sum is zero."""
    rows, inputs, outputs = shape
    x, w, b, dy = arrays(dtype, (rows, inputs), (inputs, outputs), (outputs,), (rows, outputs))
    np.testing.assert_array_equal(kernels.matmul(x, w), x @ w)
    np.testing.assert_array_equal(kernels.dense_forward(x, w, b), x @ w + b)
    for got, expected in zip(kernels.dense_backward(x, w, dy), reference.dense_backward(x, w, dy), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_other_layouts_are_copied() -> None:
    x, w, b = arrays("float32", (10, 7), (7, 19), (19,))
    expected = kernels.dense_forward(x, w, b)
    np.testing.assert_array_equal(kernels.dense_forward(np.asfortranarray(x), np.asfortranarray(w), b), expected)
    np.testing.assert_array_equal(kernels.dense_forward(x[::2], w, b), expected[::2])


@numba.njit
def layer(x: Any, w: Any, b: Any) -> Any:
    """A user's own compiled function."""
    return kernels_dense_forward(x, w, b)


kernels_dense_forward = kernels.dense_forward


def test_they_can_be_called_from_compiled_code(dtype: str) -> None:
    x, w, b = arrays(dtype, (5, 7), (7, 19), (19,))
    np.testing.assert_array_equal(layer(x, w, b), kernels.dense_forward(x, w, b))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kernels.matmul(np.ones((2, 3)), np.ones((4, 5))), r"\(2, 3\) and \(4, 5\), which do not fit"),
        (lambda: kernels.dense_forward(np.ones((2, 3)), np.ones((4, 5)), np.ones(5)), r"\(2, 3\) and \(4, 5\)"),
        (lambda: kernels.dense_forward(np.ones((2, 3)), np.ones((3, 5)), np.ones(4)), "b has 4 elements"),
        (lambda: kernels.dense_backward(np.ones((2, 3)), np.ones((3, 5)), np.ones((3, 5))), r"dy has shape \(3, 5\)"),
        (lambda: kernels.matmul(np.ones((2, 3)), np.ones((3, 5)), np.ones((5, 2))), r"out has shape \(5, 2\)"),
    ],
)
def test_shapes_that_do_not_fit(call: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        call()


def test_an_out_for_the_bias_that_does_not_fit_is_refused() -> None:
    x, w, dy, room = np.ones((2, 3)), np.ones((3, 5)), np.ones((2, 5)), np.empty(8)
    with pytest.raises(ShapeError):
        kernels.dense_backward(x, w, dy, (np.empty((2, 3)), np.empty((3, 5)), room[:2]))


def test_columns_of_a_product_keep_their_bits_in_a_wider_one(dtype: str) -> None:
    """An element is one chain over the depth, whether its column stands in a whole vector or in a part of one."""
    random = np.random.default_rng(0)
    a, b = (random.standard_normal(shape).astype(dtype) for shape in ((13, 1030), (1030, 49)))
    whole = kernels.matmul(a, b)
    for columns in range(1, 49):
        part = kernels.matmul(a, np.ascontiguousarray(b[:, :columns]))
        np.testing.assert_array_equal(part, whole[:, :columns], str(columns))
