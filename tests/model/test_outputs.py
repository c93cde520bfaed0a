"""Outputs of a network read as classes, probabilities and values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from numbann import metric
from numbann.components.built_in import built_in
from numbann.components.declare import freeze
from numbann.data.tasks.classification import Classification
from numbann.data.tasks.multilabel import Multilabel
from numbann.data.tasks.regression import Regression
from numbann.data.tasks.task import Outcome
from numbann.errors import DataError
from numbann.model.outputs import score

COLOURS = Classification(("colour",), ("green", "red"))
LABELS = Multilabel(("hot", "wet"), (("no", "yes"), (0, 1)))
METRES = Regression(("height", "width"), (0.0, 0.0), (100.0, 100.0))


def found(form: str, activation: str, outputs: Any) -> Outcome:
    return Outcome(np.asarray(outputs), form, activation, {"softmax": "row", "sigmoid": "each"}.get(activation, ""))


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
    assert list(COLOURS.predictions(found(target, activation, outputs))) == expected


def test_two_classes_share_one_probability() -> None:
    probabilities = COLOURS.probabilities(found("binary", "sigmoid", [[0.25]]))
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
        COLOURS.probabilities(found(target, activation, np.zeros((1, 2))))


def test_values_are_in_the_unit_of_the_target() -> None:
    outcome = found("real", "identity", [[1.0, 2.0]])
    np.testing.assert_array_equal(METRES.predictions(outcome), [[100.0, 200.0]])
    rmse = built_in().configured("metric", "rmse")
    assert score([rmse], METRES, outcome, np.array([[103.0, 203.0]])) == {"rmse": 3.0}


def test_everything_that_a_loss_gives_is_in_the_unit_of_the_target() -> None:
    """Two targets of three outputs each: means of both, then variances, then numbers without a unit."""
    metres = Regression(("height", "width"), (1.0, 2.0), (10.0, 100.0))
    y = [[1.0, 2.0, 0.5, 0.25, 7.0, 8.0]]
    outcome = Outcome(np.array(y), "real", "identity", "", {"mean": "target", "variance": "square", "nu": "none"})
    columns = {name: column.tolist() for name, column in metres.columns(outcome).items()}
    assert columns == {
        **{"height_mean": [11.0], "height_variance": [50.0], "height_nu": [7.0]},
        **{"width_mean": [202.0], "width_variance": [2500.0], "width_nu": [8.0]},
    }
    np.testing.assert_array_equal(metres.predictions(outcome), [[11.0, 202.0]])


def test_one_value_for_each_target_has_its_name() -> None:
    columns = METRES.columns(found("real", "identity", [[1.0, 2.0]]))
    assert {name: column.tolist() for name, column in columns.items()} == {"height": [100.0], "width": [200.0]}


def test_columns_of_classes() -> None:
    def columns(task: Any, outcome: Outcome) -> dict[str, list[float]]:
        return {name: column.tolist() for name, column in task.columns(outcome).items()}

    assert columns(COLOURS, found("binary", "sigmoid", [[0.25]])) == {"p_green": [0.75], "p_red": [0.25]}
    assert columns(COLOURS, found("binary", "identity", [[3.0]])) == {"score_red": [3.0]}
    assert columns(COLOURS, found("one_hot", "identity", [[3.0, 1.0]])) == {"score_green": [3.0], "score_red": [1.0]}
    assert columns(LABELS, found("binary", "sigmoid", [[0.25, 0.5]])) == {"p_hot": [0.25], "p_wet": [0.5]}


GRADES = Classification(("grade",), (1, 2, 3, 5))


def test_ordered_classes() -> None:
    """From the chances to be above 1, 2 and 3; the predicted class is the median, here not the most probable one."""
    outcome = Outcome(np.array([[0.7, 0.6, 0.45], [0.25, 0.125, 0.0]]), "order", "chained_sigmoid", "row")
    np.testing.assert_allclose(GRADES.probabilities(outcome), [[0.3, 0.1, 0.15, 0.45], [0.75, 0.125, 0.125, 0]])
    assert GRADES.predictions(outcome).tolist() == [3, 1]
    assert list(GRADES.columns(outcome)) == ["p_1", "p_2", "p_3", "p_5"]
    assert GRADES.encode(np.array([5, 1]), "order", "float32").tolist() == [3, 0]


def test_chances_that_contradict_each_other_still_add_up() -> None:
    """Of a link that does not keep their order: no class has less than nothing."""
    outcome = Outcome(np.array([[0.5, 0.75, 0.25]]), "order", "sigmoid", "each")
    assert GRADES.probabilities(outcome).tolist() == [[0.5, 0.0, 0.25, 0.25]]


def test_scores_of_ordered_classes() -> None:
    outcome = found("order", "identity", [[2.0, 0.5, -1.0]])
    assert GRADES.predictions(outcome).tolist() == [3]
    assert list(GRADES.columns(outcome)) == ["score_2", "score_3", "score_5"]
    with pytest.raises(DataError, match="scores, not probabilities"):
        GRADES.probabilities(outcome)


def test_accuracy_compares_classes() -> None:
    accuracy, outcome = built_in().configured("metric", "accuracy"), found("binary", "sigmoid", [[0.9], [0.9]])
    assert score([accuracy], COLOURS, outcome, np.array(["red", "green"])) == {"accuracy": 0.5}


def test_a_metric_gets_only_what_the_outputs_give() -> None:
    @metric
    def confidence(probability: Any) -> float:
        return float(probability.max(1).mean())

    component, red = freeze(confidence).configured(), np.array(["red"])
    assert score([component], COLOURS, found("binary", "sigmoid", [[0.9]]), red) == {"confidence": 0.9}
    with pytest.raises(DataError, match=r'"confidence" needs probability.*train\.metrics'):
        score([component], COLOURS, found("one_hot", "identity", np.zeros((1, 2))), red)


@pytest.mark.parametrize(
    ("target", "activation", "threshold"),
    [
        ("binary", "sigmoid", 0.5),
        ("binary", "identity", 0.0),
        ("one_hot", "identity", 0.5),
        ("one_hot", "sigmoid", 0.5),
    ],
)
def test_yes_no_labels(target: str, activation: str, threshold: float) -> None:
    outputs = threshold + np.array([[-0.1, 0.1], [0.0, -0.1]])
    outcome = found(target, activation, outputs)
    assert LABELS.predictions(outcome).tolist() == [["no", 1], ["yes", 0]]
    if activation == "sigmoid":
        np.testing.assert_array_equal(LABELS.probabilities(outcome), outputs)
    else:
        with pytest.raises(DataError, match=r"scores, not probabilities; .* train with sigmoid_cross_entropy"):
            LABELS.probabilities(outcome)


def test_labels_of_one_type_keep_it() -> None:
    numbers = Multilabel(("a", "b"), ((0, 1), (-1, 2)))
    predicted = numbers.predictions(found("binary", "sigmoid", [[0.2, 0.9]]))
    assert predicted.dtype == np.int64
    assert predicted.tolist() == [[0, 2]]


def test_metrics_of_yes_no_labels() -> None:
    raw = np.array([["yes", 1], ["no", 1]], dtype=object)
    outcome = found("binary", "sigmoid", [[0.9, 0.8], [0.9, 0.8]])
    metrics = [built_in().configured("metric", name) for name in ("accuracy", "hamming_loss", "f1_micro")]
    expected = {"accuracy": 0.5, "hamming_loss": 0.25, "f1_micro": pytest.approx(6 / 7)}
    assert score(metrics, LABELS, outcome, raw) == expected


def test_confusion_counts_rows() -> None:
    raw = np.array(["red", "red", "green", "red"])
    outputs = [[0.9], [0.1], [0.8], [0.7]]
    assert COLOURS.confusion(found("binary", "sigmoid", outputs), COLOURS.truth(raw)) == [[0, 1], [1, 2]]
    assert COLOURS.confusion(found("binary", "sigmoid", outputs[:1]), COLOURS.truth(raw[:1])) == [[0, 0], [0, 1]]


def test_confusion_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(0)
    raw, outputs = random.integers(0, 3, 50), random.random((50, 4))
    digits = Classification(("digit",), (0, 1, 2, 3))
    expected = metrics.confusion_matrix(raw, outputs.argmax(1), labels=range(4))
    assert digits.confusion(found("label", "softmax", outputs), raw) == expected.tolist()


def test_no_confusion_of_values_labels_and_too_many_classes() -> None:
    many = Classification(("word",), tuple(range(101)))
    assert METRES.confusion(found("real", "identity", np.zeros((1, 2))), np.zeros((1, 2))) is None
    assert LABELS.confusion(found("binary", "sigmoid", np.zeros((1, 2))), np.array([["no", 0]])) is None
    assert many.confusion(found("label", "softmax", np.zeros((1, 101))), np.zeros(1)) is None
