"""Initial weights: shape, reproducibility, mean and deviation, and the special properties of each initializer."""

from __future__ import annotations

from math import ceil, sqrt
from typing import Any

import numpy as np
import pytest

from numbann.components.built_in import built_in
from numbann.components.component import call

SHAPE = (400, 300)
DEVIATIONS = {
    "uniform": 0.05 / sqrt(3),
    "normal": 0.05,
    "truncated_normal": 0.05 * 0.8796,
    "xavier_normal": sqrt(2 / 700),
    "xavier_uniform": sqrt(2 / 700),
    "he_normal": sqrt(2 / 400),
    "he_uniform": sqrt(2 / 400),
    "lecun_normal": sqrt(1 / 400),
    "lecun_uniform": sqrt(1 / 400),
    "orthogonal": sqrt(1 / 400),
    "sparse": 0.01 * sqrt(0.1),
    "signs": 1.0,
}


def drawn(name: str, shape: tuple[int, int] = SHAPE, seed: int = 0, **values: Any) -> np.ndarray:
    """A draw, for normal inputs and products if it asks for them."""
    given, sample = {"shape": shape, "random": np.random.default_rng(seed)}, np.random.default_rng(9)
    seen = {"x": sample.standard_normal((500, shape[0])), "z": sample.standard_normal((500, shape[1]))}
    return call(built_in().get("initializer", name).function, **given, **seen, **values)


@pytest.mark.parametrize("name", built_in().names("initializer"))
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (5, 9)])
def test_shape_and_repetition(name: str, shape: tuple[int, int]) -> None:
    w = drawn(name, shape)
    assert (w.shape, w.dtype) == (shape[1:] if name == "he5" else shape, np.float64)
    assert np.isfinite(w).all()
    np.testing.assert_array_equal(w, drawn(name, shape))


@pytest.mark.parametrize("name", DEVIATIONS)
def test_mean_and_deviation(name: str) -> None:
    w = drawn(name)
    assert w.std() == pytest.approx(DEVIATIONS[name], rel=0.02)
    assert abs(w.mean()) < 0.02 * DEVIATIONS[name]
    assert not np.array_equal(w, drawn(name, seed=1))


@pytest.mark.parametrize(
    ("name", "values", "value"), [("zeros", {}, 0), ("ones", {}, 1), ("constant", {"value": 3}, 3)]
)
def test_one_value(name: str, values: dict[str, Any], value: float) -> None:
    assert (drawn(name, **values) == value).all()


def test_bounds() -> None:
    assert np.abs(drawn("uniform", bound=0.5)).max() <= 0.5
    assert 1.9 < np.abs(drawn("truncated_normal", deviation=1.0)).max() <= 2


@pytest.mark.parametrize("shape", [(8, 5), (5, 8), (6, 6)])
def test_orthogonal(shape: tuple[int, int]) -> None:
    w = drawn("orthogonal", shape, gain=2.0)
    product = w.T @ w if shape[0] >= shape[1] else w @ w.T
    np.testing.assert_allclose(product, 4 * np.eye(min(shape)), atol=1e-12)


def test_sparse_spares_as_many_weights_of_each_unit() -> None:
    w = drawn("sparse", (37, 20), sparsity=0.6)
    assert ((w == 0).sum(0) == ceil(0.6 * 37)).all()
    assert (w != 0).any(1).all()


def test_unit_variance_is_that_of_each_unit_on_the_sample() -> None:
    x = np.random.default_rng(3).standard_normal((500, 4)) * [1.0, 30.0, 0.0, 1e-3]
    w = built_in().get("initializer", "unit_variance").function((4, 9), np.random.default_rng(0), x)
    np.testing.assert_allclose((x @ w).std(0), 1, rtol=1e-12)
    same = built_in().get("initializer", "unit_variance").function((4, 900), np.random.default_rng(0), 0 * x)
    assert same.std() == pytest.approx(0.5, rel=0.05)


def test_he5_puts_the_kink_of_each_unit_among_its_rows() -> None:
    z = np.random.default_rng(3).uniform(2, 5, (500, 300))
    b = built_in().get("initializer", "he5").function((4, 300), np.random.default_rng(0), z)
    assert b.shape == (300,)
    assert (z.min() < -b).all()
    assert (-b < z.max()).all()
    assert b.mean() == pytest.approx(-3.5, abs=0.1)
    deviation = sqrt(1 / 3) * z.std()  # the sum of the squares of five uniform shares is 1/3 in the mean
    assert b.std() == pytest.approx(deviation, rel=0.15)
