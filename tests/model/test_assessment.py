"""The baseline and the figures of each target, against scikit-learn and by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.data.tasks.class_probabilities import ClassProbabilities
from numbann.data.tasks.classification import Classification
from numbann.data.tasks.multilabel import Multilabel
from numbann.data.tasks.regression import Regression
from numbann.model.outputs import outcome_of

WriteSpec = Callable[..., Path]


def test_guesses_are_what_the_training_part_has_most() -> None:
    colours = Classification(("colour",), ("blue", "red"))
    (shares,) = colours.usual(np.array(["red", "red", "blue", "red"]))
    assert shares == (0.25, 0.75)
    guess = colours.guess(np.array(shares), np.array([0, 1, 0]))
    assert (guess["label"].tolist(), guess["probability"].tolist()) == ([1, 1, 1], [[0.25, 0.75]] * 3)
    (shares,) = ClassProbabilities(("a", "b")).usual(np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]))
    assert shares == pytest.approx((2 / 3, 1 / 3))
    labels = Multilabel(("p", "q"), ((0, 1), ("no", "yes")))
    raw = np.array([[0, "yes"], [0, "no"], [1, "yes"]], object)
    (shares,) = labels.usual(raw)
    assert shares == pytest.approx((1 / 3, 2 / 3))
    assert labels.guess(np.array(shares), labels.truth(raw))["label"].tolist() == [[0, 1]] * 3
    metres = Regression(("length", "width"))
    assert metres.usual(np.array([[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]])) == ((3.0, 5.0), (2.0, 5.0))
    assert Regression(("length",)).usual(np.array([[1.5e308], [1.5e308]])) == ()


def test_a_classifier_is_told_beside_the_largest_class(write_spec: WriteSpec) -> None:
    metrics = ["accuracy", "balanced_accuracy", "log_loss", "roc_auc"]
    run = numbann.train(write_spec(train={"epochs": 1, "metrics": metrics}))
    sizes = np.array([sum(row) for row in run.metrics["confusion"]["test"]])
    shares = np.array(run.model.preprocessing.usual[0])
    of_train = [sum(row) for row in run.metrics["confusion"]["train"]]
    assert shares.tolist() == pytest.approx((np.array(of_train) / sum(of_train)).tolist())
    assert run.metrics["baseline"].keys() == {"train", "validation", "test"}
    assert run.metrics["baseline"]["test"] == pytest.approx(
        {
            "accuracy": sizes[shares.argmax()] / sizes.sum(),
            "balanced_accuracy": 1 / 3,
            "log_loss": -(sizes * np.log(shares)).sum() / sizes.sum(),
            "roc_auc": 0.5,
        }
    )
    assert run.metrics == json.loads((run.path / "metrics.json").read_text())


def test_a_regression_is_told_beside_the_mean_or_the_median(write_spec: WriteSpec, blobs: Path) -> None:
    data: dict[str, Any] = {"target": ["sum", "x"], "drop": ["colour"]}
    run = numbann.train(write_spec(data=data, train={"epochs": 1, "metrics": ["rmse", "mae", "r2"]}))
    loaded = numbann.load(run.path)
    x, raw, _, _, _ = loaded.preprocessing.read(str(blobs), need_target=True)
    found = loaded.measure(x, raw)
    mean, median = (np.abs(raw - np.array(guess)) for guess in loaded.preprocessing.usual)
    assert found.baseline["mae"] == pytest.approx(min(mean.mean(), median.mean()))
    rmse = [np.sqrt((errors**2).mean(0)).mean() for errors in (mean, median)]
    assert found.baseline["rmse"] == pytest.approx(min(rmse))
    predicted = loaded.preprocessing.task.predictions(outcome_of(loaded.resolved, loaded.outputs(x)))
    alone = np.abs(predicted - raw).mean(0).tolist()
    assert found.targets.keys() == {"sum", "x"}
    assert [found.targets[name]["mae"] for name in ("sum", "x")] == pytest.approx(alone)
    assert np.mean(alone) == pytest.approx(found.measures["mae"])
    assert run.metrics["targets"]["test"].keys() == {"sum", "x"}


def test_a_metric_that_fails_on_a_guess_fails_no_run(write_spec: WriteSpec, here: Path) -> None:
    (here / "picky.py").write_text(
        "from numbann import hookimpl, metric\n\n\n"
        "@metric\ndef variety(t, label):\n    return 1 / (len(set(label.tolist())) - 1)\n\n\n"
        "@hookimpl\ndef numbann_register(register):\n    register(variety)\n"
    )
    run = numbann.train(write_spec(plugins=["picky.py"], train={"epochs": 20, "metrics": ["accuracy", "variety"]}))
    assert run.metrics["test"]["variety"] == 0.5
    assert run.metrics["baseline"]["test"].keys() == {"accuracy"}
