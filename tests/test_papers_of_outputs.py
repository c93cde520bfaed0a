"""Losses and metrics of tests/helpers/outputs_of_papers.py against oracles, and in networks by their names alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import outputs_of_papers as papers
import pytest
import reference

import numbann
from numbann import get_loss
from numbann.components.built_in import built_in

PLUGIN = str(Path(papers.__file__))
SPEC: dict[str, Any] = {
    "plugins": [PLUGIN],
    "model": {"layers": [{"units": 16, "activation": "tanh"}]},
    "optimizer": {"type": "adam", "learning_rate": 0.02},
}


def drawn(outputs: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Outputs of six rows of two targets, and the targets."""
    random = np.random.default_rng(seed)
    return random.normal(0, 1.5, (6, 2 * outputs)), random.normal(0, 1.5, (6, 2))


def test_weighted_nll_has_the_gradients_of_its_paper() -> None:
    """Those of the likelihood times v^power: to the mean (m - t) / v, to the logarithm (1 - (m - t)^2 / v) / 2."""
    y, t = drawn(2)
    value, dy = get_loss(papers.weighted_nll, power=0.7)(y, t)
    m, v = y[:, :2], np.exp(y[:, 2:])
    assert value == pytest.approx((v**0.7 * (np.log(v) + (m - t) ** 2 / v) / 2).mean())
    slopes = np.hstack((v**0.7 * (m - t) / v, v**0.7 * (1 - (m - t) ** 2 / v) / 2))
    np.testing.assert_allclose(dy, slopes / t.size, rtol=1e-12)


def test_three_quantiles_are_scikit_learns() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    y, t = drawn(3)
    ends = zip(np.split(y, 3, axis=1), (0.1, 0.5, 0.9), strict=True)
    expected = sum(sklearn.mean_pinball_loss(t, at, alpha=q) for at, q in ends)
    assert get_loss(papers.three_quantiles)(y, t)[0] == pytest.approx(expected)


def test_ranks_are_corns() -> None:
    y, label = np.random.default_rng(0).normal(0, 3, (20, 4)), np.arange(20) % 5
    value, dy = get_loss(papers.ranks)(y, label)
    expected, slopes = reference.corn(y, label)
    assert value == pytest.approx(expected.mean())
    np.testing.assert_allclose(dy, slopes / 20, atol=1e-15)


def test_metrics_are_the_built_in_ones() -> None:
    random = np.random.default_rng(0)
    t, probability, weight = random.integers(0, 4, 90), random.dirichlet(np.ones(4), 90), np.ones(90)
    label = probability.argmax(1)
    kappa, error = (built_in().get("metric", name).function for name in ("quadratic_kappa", "calibration_error"))
    assert papers.weighted_kappa(t, label) == pytest.approx(kappa(t, label, weight))
    assert papers.expected_error(t, probability, 7) == pytest.approx(error(t, probability, weight, 7))


def test_quantiles_of_two_targets_are_where_they_belong(here: Path) -> None:
    """A small and a large target, one of them skewed: each share of rows below is that of its quantile."""
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, (1500, 2))
    small, large = 0.01 * (x[:, 0] + random.exponential(0.5, 1500)), 1000 * (x[:, 1] + random.normal(0, 0.5, 1500))
    np.savetxt("t.csv", np.column_stack([x, small, large]), delimiter=",", header="a,b,small,large", comments="")
    data = {"path": "t.csv", "target": ["small", "large"]}
    run = numbann.train({**SPEC, "data": data, "loss": "three_quantiles", "train": {"epochs": 60}}, output="run")
    columns = run.model.predict(x, outputs="all")
    for name, t in (("small", small), ("large", large)):
        for end, share in (("low", 0.1), ("middle", 0.5), ("high", 0.9)):
            assert (t < columns[f"{name}_{end}"]).mean() == pytest.approx(share, abs=0.08), (name, end)
    assert run.metrics["test"]["r2"] > 0.2
    np.testing.assert_array_equal(run.model.predict(x)[:, 1], columns["large_middle"])
    again = numbann.load(run.path, trust=True).predict(x, outputs="all")
    assert all((again[name] == columns[name]).all() for name in columns)


def test_ranks_train_by_their_own_link(here: Path) -> None:
    """Classes from 3 to 7; predict_proba, log_loss and a plugin's calibration with a parameter see probabilities."""
    random = np.random.default_rng(0)
    x = random.normal(0, 1, (900, 2))
    grade = 3 + np.searchsorted([-1.5, -0.5, 0.5, 1.5], x[:, 0] + x[:, 1] + 0.3 * random.standard_normal(900))
    np.savetxt("t.csv", np.column_stack([x, grade]), delimiter=",", header="a,b,grade", comments="", fmt="%.6g")
    metrics = ["weighted_kappa", "log_loss", {"type": "expected_error", "bins": 5}]
    data = {"path": "t.csv", "target": "grade", "task": "classification"}
    run = numbann.train(
        {**SPEC, "data": data, "loss": "ranks", "train": {"epochs": 30, "metrics": metrics}}, output="run"
    )
    measured = run.metrics["test"]
    assert measured["weighted_kappa"] > 0.9
    assert measured["expected_error"] < 0.15
    assert measured["log_loss"] == pytest.approx(measured["loss"], rel=1e-3)
    chances = run.model.predict_proba(x)
    assert chances.shape == (900, 5)
    np.testing.assert_allclose(chances.sum(1), 1, rtol=1e-5)
    assert set(run.model.predict(x)) <= {3, 4, 5, 6, 7}
