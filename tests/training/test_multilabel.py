"""Several yes/no labels, from a table to predictions and measures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numbann_cli.group import numbann as group

import numbann
from numbann.errors import DataError

WriteSpec = Callable[..., Path]
POINTS = np.array([[2.0, 2.0], [2.0, -2.0], [-2.0, 2.0]])
METRICS = ["accuracy", "hamming_loss", "f1_micro", "f1_macro", "f1_weighted", "roc_auc", "pr_auc"]


@pytest.fixture
def labels(here: Path, write_spec: WriteSpec) -> WriteSpec:
    """A spec for labels.csv: points, whether they are right (no, yes), high (0, 1) and far (false, true)."""
    random = np.random.default_rng(0)
    lines = ["x,y,right,high,far"]
    for x, y in random.normal(0, 2, (300, 2)).round(2).tolist():
        lines.append(f"{x},{y},{'yes' if x > 0 else 'no'},{int(y > 0)},{'true' if x + y > 3 else 'false'}")
    (here / "labels.csv").write_text("\n".join(lines) + "\n")
    data = {"path": "labels.csv", "target": ["right", "high", "far"], "task": "multilabel", "drop": []}

    def write(**changes: Any) -> Path:
        given = {"data": data, "train": {"epochs": 40, "batch_size": 16, "metrics": METRICS}, **changes}
        return write_spec(**given)

    return write


@pytest.mark.parametrize("loss", ["auto", "hinge", "sigmoid_focal", "mse"])
def test_labels_come_back_as_they_came(labels: WriteSpec, loss: str) -> None:
    metrics = METRICS if loss in ("auto", "sigmoid_focal") else METRICS[:-2]
    run = numbann.train(labels(loss=loss, train={"epochs": 40, "batch_size": 16, "metrics": metrics}))
    assert run.metrics["test"]["accuracy"] > 0.8
    assert set(run.metrics) == {"best_epoch", "train", "validation", "test", "baseline", "targets"}
    model = numbann.load(run.path)
    assert model.task == "multilabel"
    assert model.classes == (("no", "yes"), (0, 1), ("false", "true"))
    assert model.predict(POINTS).tolist() == [["yes", 1, "true"], ["yes", 0, "false"], ["no", 1, "false"]]


def test_probabilities_are_of_the_positive_value(labels: WriteSpec) -> None:
    model = numbann.train(labels()).model
    probability = model.predict_proba(POINTS)
    assert probability.shape == (3, 3)
    np.testing.assert_array_equal(probability >= 0.5, [[1, 1, 1], [1, 0, 0], [0, 1, 0]])
    hinged = numbann.train(labels(loss="hinge", train={"epochs": 1})).model
    with pytest.raises(DataError, match="scores, not probabilities"):
        hinged.predict_proba(POINTS)


def test_measures_are_those_of_scikit_learn(labels: WriteSpec) -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    model = numbann.train(labels(train={"epochs": 4, "metrics": METRICS})).model
    x, raw_target, _, _, _ = model.preprocessing.read("labels.csv", need_target=True)
    found = model.measure(x, raw_target)
    measures = found.measures
    assert found.confusion is None
    t, probability = (raw_target == np.array(["yes", 1, "true"], dtype=object)).astype(int), model.outputs(x)
    label = (probability >= 0.5).astype(int)
    assert measures["accuracy"] == pytest.approx(sklearn.accuracy_score(t, label))
    assert measures["hamming_loss"] == pytest.approx(sklearn.hamming_loss(t, label))
    assert measures["roc_auc"] == pytest.approx(sklearn.roc_auc_score(t, probability))
    assert measures["pr_auc"] == pytest.approx(sklearn.average_precision_score(t, probability))
    for average in ("micro", "macro", "weighted"):
        assert measures[f"f1_{average}"] == pytest.approx(sklearn.f1_score(t, label, average=average))


def test_the_resolved_spec_trains_the_same_model(labels: WriteSpec) -> None:
    first = numbann.train(labels(train={"epochs": 2}))
    again = numbann.train(first.path / "spec.resolved.json", output="again")
    assert (again.path / "model.safetensors").read_bytes() == (first.path / "model.safetensors").read_bytes()


def test_on_the_command_line(labels: WriteSpec, here: Path) -> None:
    numbann.train(labels(), output="out")
    (here / "new.csv").write_text("y,x\n2,2\n-2,2\n")

    def said(*arguments: str) -> str:
        result = CliRunner().invoke(group, arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    assert said("check", "spec.json").endswith("ok\n")
    expected = "prediction_right,prediction_high,prediction_far\nyes,1,true\nyes,0,false\n"
    assert said("predict", "out", "new.csv") == expected
    header = said("predict", "out", "new.csv", "--probabilities").splitlines()[0]
    assert header == f"{expected.splitlines()[0]},p_right,p_high,p_far"
    told = json.loads(said("evaluate", "out", "labels.csv", "--json"))
    assert list(told["metrics"]) == ["loss", *METRICS]
    assert "confusion" not in told
    assert "f1_weighted " in said("show", "out")


def test_new_data_may_lack_the_labels_but_not_hold_others(labels: WriteSpec, here: Path) -> None:
    model = numbann.train(labels(train={"epochs": 1})).model
    (here / "new.csv").write_text("x,y,right,high\n1,1,yes,1\n")
    model.preprocessing.read("new.csv", need_target=False)
    with pytest.raises(DataError, match='no column "far"'):
        model.preprocessing.read("new.csv", need_target=True)
    (here / "new.csv").write_text("x,y,right,high,far\n1,1,maybe,1,true\n")
    with pytest.raises(DataError, match=r'new\.csv row 2, column "right": "maybe" is no class'):
        model.preprocessing.read("new.csv", need_target=True)


def test_labels_in_arrays(labels: WriteSpec, here: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 3)).astype(np.float32)
    np.save(here / "x.npy", x)
    np.save(here / "y.npy", x[:, :2] > 0)
    data = {"path": {"x": "x.npy", "y": "y.npy"}, "target": None, "task": "multilabel", "drop": []}
    model = numbann.train(labels(data=data)).model
    predicted = model.predict(x)
    assert predicted.dtype == bool
    assert (predicted == (x[:, :2] > 0)).mean() > 0.9
