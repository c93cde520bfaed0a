"""Outputs of a network read as classes, probabilities and values."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from numbann import metric
from numbann.component import freeze
from numbann.discovery import built_in
from numbann.errors import DataError
from numbann.outputs import Reading, score

COLOURS = SimpleNamespace(
    classes=("green", "red"),
    targets=("colour",),
    encode=lambda raw, *_: (raw == "red").astype(np.int64),
)
METRES = SimpleNamespace(classes=None, targets=("height", "width"), unscale=lambda y: 100 * y)


def reading(target: str, activation: str, preprocessing: Any = COLOURS) -> Reading:
    return Reading("classification" if preprocessing is COLOURS else "regression", target, activation, preprocessing)


@pytest.mark.parametrize(
    ("target", "activation", "outputs", "expected"),
    [
        ("label", "softmax", [[0.9, 0.1], [0.2, 0.8]], ["green", "red"]),
        ("one_hot", "identity", [[3.0, -1.0], [-2.0, 7.0]], ["green", "red"]),
        ("binary", "sigmoid", [[0.49], [0.5]], ["green", "red"]),
        ("binary", "identity", [[-0.1], [0.1]], ["green", "red"]),
    ],
)
def test_classes(target: str, activation: str, outputs: list[list[float]], expected: list[str]) -> None:
    assert list(reading(target, activation).predictions(np.array(outputs))) == expected


def test_two_classes_share_one_probability() -> None:
    probabilities = reading("binary", "sigmoid").probabilities(np.array([[0.25]]))
    np.testing.assert_array_equal(probabilities, [[0.75, 0.25]])


@pytest.mark.parametrize(
    ("target", "activation"),
    [
        ("one_hot", "identity"),
        ("one_hot", "sigmoid"),
        ("binary", "identity"),
    ],
)
def test_scores_are_no_probabilities(target: str, activation: str) -> None:
    with pytest.raises(DataError, match="scores, not probabilities"):
        reading(target, activation).probabilities(np.zeros((1, 2)))


def test_values_are_in_the_unit_of_the_target() -> None:
    both = reading("real", "identity", METRES)
    np.testing.assert_array_equal(both.predictions(np.array([[1.0, 2.0]])), [[100.0, 200.0]])
    rmse = built_in().get("metric", "rmse")
    assert score([rmse], both, np.array([[1.0, 2.0]]), np.array([[103.0, 203.0]])) == {"rmse": 3.0}


def test_accuracy_compares_classes() -> None:
    found = score(
        [built_in().get("metric", "accuracy")],
        reading("binary", "sigmoid"),
        np.array([[0.9], [0.9]]),
        np.array(["red", "green"]),
    )
    assert found == {"accuracy": 0.5}


def test_a_metric_gets_only_what_the_outputs_give() -> None:
    @metric
    def confidence(probability: Any) -> float:
        return float(probability.max(1).mean())

    component = freeze(confidence)
    assert score([component], reading("binary", "sigmoid"), np.array([[0.9]]), np.array(["red"])) == {"confidence": 0.9}
    with pytest.raises(DataError, match=r'"confidence" needs probability.*train\.metrics'):
        score([component], reading("one_hot", "identity"), np.zeros((1, 2)), np.array(["red"]))
