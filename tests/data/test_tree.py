"""The thresholds of one-feature trees: beside scikit-learn's, and in cases that one can count."""

from __future__ import annotations

import numpy as np
import pytest

from numbann.data.tree import tree_thresholds


def targets_of(kind: str, random: np.random.Generator, x: np.ndarray) -> np.ndarray:
    noisy = np.sin(3 * x) + random.normal(0, 0.5, len(x))
    return noisy[:, None] if kind == "numbers" else np.eye(5)[np.digitize(noisy, (-1, -0.3, 0.3, 1))]


@pytest.mark.parametrize("kind", ["numbers", "classes"])
@pytest.mark.parametrize("digits", [6, 1])
@pytest.mark.parametrize("leaves", [2, 7, 48])
def test_thresholds_are_those_of_scikit_learn(kind: str, digits: int, leaves: int) -> None:
    tree = pytest.importorskip("sklearn.tree")
    random = np.random.default_rng(leaves)
    x = random.normal(0, 2, 700).round(digits).astype(np.float32).astype(np.float64)
    targets = targets_of(kind, random, x)
    grown = (
        tree.DecisionTreeRegressor(max_leaf_nodes=leaves, random_state=0).fit(x[:, None], targets[:, 0])
        if kind == "numbers"
        else tree.DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=0).fit(x[:, None], targets.argmax(1))
    ).tree_
    expected = np.sort(grown.threshold[grown.children_left != grown.children_right])
    np.testing.assert_array_equal(tree_thresholds(x, targets, leaves), expected)


def test_a_step_is_found_and_nothing_else() -> None:
    x = np.array([4.0, 1, 3, 2, 1, 4])
    assert tree_thresholds(x, (x > 2)[:, None].astype(float), 48).tolist() == [2.5]


@pytest.mark.parametrize("x", [[1.0], [2.0, 2.0, 2.0]])
def test_one_value_has_no_threshold(x: list[float]) -> None:
    assert len(tree_thresholds(np.array(x), np.arange(len(x))[:, None].astype(float), 48)) == 0


def test_neighbouring_numbers_are_told_apart_without_overflow() -> None:
    x = np.array([-1.7e308, 1.6e308, 1.7e308])
    assert tree_thresholds(x, np.array([[0.0], [0.0], [1.0]]), 2).tolist() == pytest.approx([1.65e308])
