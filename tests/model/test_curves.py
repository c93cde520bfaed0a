"""ROC, precision and recall, and calibration, against scikit-learn and by hand."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest

from numbann.mathematics.metrics.probabilities import pr_auc, roc_auc
from numbann.model.curves import calibration, precision_recall, roc, wilson

RANDOM = np.random.default_rng(0)
POSITIVE = RANDOM.integers(0, 2, 400).astype(bool)
CHANCE = np.clip(np.round(RANDOM.normal(0.4 + 0.2 * POSITIVE, 0.2), 2), 0.0, 1.0)  # rounded: with many ties
WEIGHTS = [None, RANDOM.integers(0, 4, 400).astype(float), RANDOM.random(400)]


@pytest.mark.parametrize("weight", WEIGHTS, ids=["alike", "counts", "weights"])
def test_roc_is_that_of_scikit_learn(weight: np.ndarray | None) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    false, true, threshold = metrics.roc_curve(POSITIVE, CHANCE, sample_weight=weight, drop_intermediate=False)
    found = roc(POSITIVE, CHANCE, weight)
    np.testing.assert_allclose(found.false, false, rtol=0, atol=1e-15)
    np.testing.assert_allclose(found.true, true, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(found.threshold, threshold)
    assert found.area == pytest.approx(metrics.roc_auc_score(POSITIVE, CHANCE, sample_weight=weight), abs=1e-14)


@pytest.mark.parametrize("weight", WEIGHTS, ids=["alike", "counts", "weights"])
def test_precision_and_recall_are_those_of_scikit_learn(weight: np.ndarray | None) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    kept = slice(None) if weight is None else weight > 0  # scikit-learn keeps rows that count nothing
    own = None if weight is None else weight[kept]
    precision, recall, threshold = metrics.precision_recall_curve(POSITIVE[kept], CHANCE[kept], sample_weight=own)
    found = precision_recall(POSITIVE, CHANCE, weight)
    np.testing.assert_allclose(found.precision, precision[-2::-1], rtol=0, atol=1e-14)
    np.testing.assert_allclose(found.recall, recall[-2::-1], rtol=0, atol=1e-14)
    np.testing.assert_array_equal(found.threshold, threshold[::-1])
    expected = metrics.average_precision_score(POSITIVE, CHANCE, sample_weight=weight)
    assert found.average == pytest.approx(expected, abs=1e-14)


def test_calibration_is_that_of_scikit_learn() -> None:
    learnt = pytest.importorskip("sklearn.calibration")
    happened, said = learnt.calibration_curve(POSITIVE, CHANCE, n_bins=10)
    found = calibration(POSITIVE, CHANCE)
    np.testing.assert_allclose(found.happened, happened, rtol=0, atol=1e-15)
    np.testing.assert_allclose(found.said, said, rtol=0, atol=1e-15)
    assert found.rows.sum() == len(POSITIVE)
    assert (found.low <= found.happened).all()
    assert (found.happened <= found.high).all()


def test_areas_are_the_built_in_metrics() -> None:
    both, alike = np.stack([1 - CHANCE, CHANCE], 1), np.ones(len(CHANCE))
    given = {"t": POSITIVE.astype(int), "probability": both, "weight": alike}
    assert roc(POSITIVE, CHANCE).area == pytest.approx(roc_auc(**given), abs=1e-14)
    assert precision_recall(POSITIVE, CHANCE).average == pytest.approx(pr_auc(**given), abs=1e-14)


def test_curves_by_hand() -> None:
    positive, chance = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])
    found = roc(positive, chance)
    assert found.false.tolist() == [0, 0, 0.5, 0.5, 1]
    assert found.true.tolist() == [0, 0.5, 0.5, 1, 1]
    assert found.area == 0.75
    one = precision_recall(positive, chance)
    assert one.precision.tolist() == [1, 0.5, 2 / 3, 0.5]
    assert one.recall.tolist() == [0.5, 0.5, 1, 1]
    assert one.share == 0.5


def test_one_class_has_no_area() -> None:
    every, chance = np.ones(3), np.array([0.1, 0.2, 0.3])
    assert isnan(roc(every, chance).area)
    assert isnan(precision_recall(1 - every, chance).average)


def test_the_interval_of_a_share() -> None:
    """The first line is of Wilson's formula by hand; a share of 0 or 1 is within its own."""
    low, high = wilson(np.array([0.5, 0.0, 1.0]), np.array([100, 10, 10]))
    assert (low[0], high[0]) == pytest.approx((0.40383, 0.59617), abs=1e-5)
    assert (low[1], high[2]) == (0.0, 1.0)
    assert high[1] == pytest.approx(1 - low[2])
