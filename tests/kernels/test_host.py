"""Initializers and metrics as kernels: a network's own numbers, scikit-learn's scores, one error for a wrong call."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest
from networks import make_plan
from numba.core.errors import TypingError

from numbann import kernels
from numbann.components.built_in import built_in
from numbann.errors import KernelTypeError, KernelValueError, ShapeError
from numbann.network import random
from numbann.network.initial import initial_tensors

T, VALUE = np.random.default_rng(0).normal(3, 1, (2, 30))
LABEL, GIVEN = np.random.default_rng(1).integers(0, 2, (2, 30))
CHANCES = np.random.default_rng(2).dirichlet(np.ones(3), 30)
WEIGHT = np.random.default_rng(3).random(30)


# ---- initializers


def test_a_network_starts_with_the_same_numbers() -> None:
    tensors = initial_tensors(make_plan([7, 5, 2], "relu"), 3)
    drawn = kernels.xavier_normal((7, 5), random.generator(3, random.WEIGHTS, 0))
    np.testing.assert_array_equal(drawn, tensors["layers.0.weight"])


@pytest.mark.parametrize("name", built_in().names("initializer"))
def test_shape_type_and_repetition(name: str) -> None:
    component, sample = built_in().get("initializer", name), np.random.default_rng(6).standard_normal((50, 40))
    seen = [rows for role, rows in {"x": sample, "z": sample[:, :30]}.items() if role in component.roles]
    seen = [np.ascontiguousarray(rows) for rows in seen]
    drawn = getattr(kernels, name)((40, 30), 5, *seen)
    shape = (30,) if "z" in component.roles else (40, 30)
    assert (drawn.shape, drawn.dtype, drawn.flags.c_contiguous) == (shape, np.float64, True)
    np.testing.assert_array_equal(drawn, component.function((40, 30), np.random.default_rng(5), *seen))
    for dtype in ("float32", np.float32, np.dtype("float32")):
        single = getattr(kernels, name)([40, 30], np.random.default_rng(5), *seen, dtype=dtype)
        np.testing.assert_array_equal(single, drawn.astype(np.float32), strict=True)


def test_a_sample_of_another_width() -> None:
    for call in (
        lambda: kernels.unit_variance((4, 3), 0, np.zeros((9, 3))),
        lambda: kernels.he5((4, 3), 0, np.zeros(3)),
    ):
        with pytest.raises((ShapeError, KernelTypeError), match=r"unit_variance: x is \(9, 3\); give|he5: z"):
            call()


def test_moments_and_bounds() -> None:
    assert kernels.he_normal((400, 300), 0).std() == pytest.approx((2 / 400) ** 0.5, rel=0.02)
    assert kernels.xavier_uniform((400, 300), 0).std() == pytest.approx((2 / 700) ** 0.5, rel=0.02)
    assert 0.49 < abs(kernels.uniform((40, 30), 0, bound=0.5)).max() <= 0.5
    assert 1.9 < abs(kernels.truncated_normal((40, 30), 0, 1)).max() <= 2


# ---- metrics


SCORES: dict[str, tuple[str, tuple[Any, ...]]] = {
    "mae": ("mean_absolute_error", (T, VALUE)),
    "rmse": ("root_mean_squared_error", (T, VALUE)),
    "r2": ("r2_score", (T, VALUE)),
    "accuracy": ("accuracy_score", (LABEL, GIVEN)),
    "f1": ("f1_score", (LABEL, GIVEN)),
    "hamming_loss": ("hamming_loss", (LABEL, GIVEN)),
    "log_loss": ("log_loss", (LABEL, CHANCES[:, :2] / CHANCES[:, :2].sum(1, keepdims=True))),
}


@pytest.mark.parametrize("name", SCORES)
def test_scores(name: str) -> None:
    sklearn, (theirs, arrays) = pytest.importorskip("sklearn.metrics"), SCORES[name]
    ours = getattr(kernels, f"{name}_metric")
    assert ours(*arrays) == pytest.approx(getattr(sklearn, theirs)(*arrays))
    assert ours(*arrays, WEIGHT) == pytest.approx(getattr(sklearn, theirs)(*arrays, sample_weight=WEIGHT))
    assert type(ours(*arrays)) is float


def test_rows_and_several_labels() -> None:
    assert kernels.mae_metric(T[:, None], VALUE[:, None]) == kernels.mae_metric(T, VALUE)
    assert kernels.accuracy_metric(np.eye(3, dtype=bool), np.ones((3, 3), np.uint8)) == 0
    assert kernels.concordance_metric(T, np.ones(30), T) == 1
    single = kernels.rmse_metric(T.astype("f4"), VALUE.astype("f4"))
    assert single == kernels.rmse_metric(T.astype("f4").astype("f8"), VALUE.astype("f4").astype("f8"))


# ---- wrong calls

WRONG: dict[str, tuple[Callable[[], Any], type[Exception]]] = {
    r"he_normal: missing a required argument: 'random'; it takes": (lambda: kernels.he_normal((2, 3)), KernelTypeError),
    r"shape is 3 \(int\); give \(I, O\)": (lambda: kernels.he_normal(3, 0), KernelTypeError),
    r"shape\[1\] is 0; give a whole number, from 1": (lambda: kernels.he_normal((3, 0), 0), KernelValueError),
    r"random is None .*; give a numpy\.random\.Generator": (lambda: kernels.he_normal((3, 2), None), KernelTypeError),
    r"random is -1; give": (lambda: kernels.he_normal((3, 2), -1), KernelValueError),
    r"dtype is 'f2' \(str\); give float32 or float64": (lambda: kernels.ones((3, 2), 0, "f2"), KernelTypeError),
    r"uniform: bound is -1\.0; give a number > 0": (lambda: kernels.uniform((3, 2), 0, -1), KernelValueError),
    r"uniform: high - low range": (lambda: kernels.uniform((3, 2), 0, 1e308), KernelValueError),
    r"mae_metric: value is an array of float32 .* as t is": (
        lambda: kernels.mae_metric(T, VALUE.astype("f4")),
        KernelTypeError,
    ),
    r"t is an array of int64 .*; give an array of float32 or": (lambda: kernels.mae_metric(LABEL, T), KernelTypeError),
    r"t has the shape \(30,\) and value \(29,\)": (lambda: kernels.mae_metric(T, VALUE[1:]), ShapeError),
    r"t has the shape \(30,\) and weight \(29,\)": (lambda: kernels.mae_metric(T, T, WEIGHT[1:]), ShapeError),
    r"t is .*; give \(N,\) or \(N, T\), with rows": (lambda: kernels.mae_metric(T[:0], T[:0]), ShapeError),
    r"value is None \(NoneType\)": (lambda: kernels.mae_metric(T, None), KernelTypeError),
    r"f1_metric: t is .*; give \(N,\), with rows": (lambda: kernels.f1_metric(*[LABEL[:, None]] * 2), ShapeError),
    r"label is an array of float64 .*; give classes": (lambda: kernels.f1_metric(LABEL, T), KernelTypeError),
    r"f1_metric: precision, recall and f1 are of two": (lambda: kernels.f1_metric(LABEL, LABEL + 1), KernelValueError),
    r"t has 3 to 4; give whole numbers from 0 to 2": (
        lambda: kernels.log_loss_metric(LABEL + 3, CHANCES),
        KernelValueError,
    ),
    r"probability has numbers out of \[0, 1\]": (lambda: kernels.log_loss_metric(LABEL, -CHANCES), KernelValueError),
    r"weight has numbers below 0": (lambda: kernels.mae_metric(T, T, -WEIGHT), KernelValueError),
    r"bins is 1\.5 \(float\); give a whole number": (
        lambda: kernels.calibration_error_metric(LABEL, CHANCES, bins=1.5),
        KernelTypeError,
    ),
    r"no kernel 'mae_metrik'; did you mean 'mae_metric'": (lambda: kernels.mae_metrik, AttributeError),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_call_is_one_error(fault: str) -> None:
    call, error = WRONG[fault]
    with pytest.raises(error, match=fault):
        call()


def test_compiled_code_is_told_that_they_are_for_python() -> None:
    @numba.njit
    def draw() -> Any:
        return kernels.he_normal((3, 2), random=0)

    @numba.njit
    def measure(t: Any) -> Any:
        return kernels.mae_metric(t, t)

    with pytest.raises(TypingError, match="he_normal is NumPy, for Python alone; call it before @njit code"):
        draw()
    with pytest.raises(TypingError, match="mae_metric is NumPy, for Python alone"):
        measure(T)


def test_compiled_code_is_told_where_it_names_them_first() -> None:
    """In a process where Python has not asked for the kernel before."""
    code = """
import numba
from numbann import kernels

@numba.njit
def draw():
    return kernels.he_normal((3, 2), random=0)

draw()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "he_normal is NumPy, for Python alone" in done.stderr


def test_names_are_told_apart() -> None:
    assert len(set(dir(kernels))) == len(dir(kernels))


def test_groups_are_whole_numbers() -> None:
    t, y, group = np.array([3.0, 2.0, 0.0, 1.0]), np.array([3.0, 2.0, 1.0, 0.0]), np.array([0, 0, 1, 1])
    assert kernels.ndcg_metric(t, y, group) == pytest.approx(0.815, abs=1e-3)
    with pytest.raises(KernelTypeError, match="group is"):
        kernels.ndcg_metric(t, y, group / 2)
    with pytest.raises(ShapeError, match="group"):
        kernels.ndcg_metric(t, y, group[:3])
