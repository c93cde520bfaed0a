"""Whole runs with weights of rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.errors import SpecError
from numbann.training.callbacks import EpochEnded, Event

WriteSpec = Callable[..., Path]
ALL = {"scale": "none", "target_scale": "none", "split": {"validation": 0, "test": 0}}  # every row trains, as it is


@pytest.fixture
def counts(blobs: Path) -> Path:
    """blobs.csv with a column of weights 0, 1 and 2; twice.csv, without it, has every row so often."""
    header, *rows = blobs.read_text().splitlines()
    weights = [index % 7 % 3 for index in range(len(rows))]
    weighted = [f"{weight},{row}" for weight, row in zip(weights, rows, strict=True)]
    blobs.write_text("\n".join([f"count,{header}", *weighted]) + "\n")
    repeated = [row for weight, row in zip(weights, rows, strict=True) for _ in range(weight)]
    (blobs.parent / "twice.csv").write_text("\n".join([header, *repeated]) + "\n")
    return blobs


@pytest.mark.parametrize(
    "data", [{}, {"class_weight": {"red": 3, "blue": 0.5}}, {"target": "sum", "drop": ["colour"], "task": "regression"}]
)
def test_a_weight_of_two_is_a_row_twice(write_spec: WriteSpec, counts: Path, data: dict[str, Any]) -> None:
    """Without it, the rows give another model."""
    spec = write_spec(data={**ALL, **data}, train={"batch_size": "full"}, model={"dtype": "float64"})
    changes = ({"data.weight": "count"}, {"data.path": "twice.csv"}, {"data.features": ["x", "y"]})
    weighted, twice, alike = (numbann.train(spec, overrides=change).metrics["train"] for change in changes)
    assert weighted == pytest.approx(twice, rel=1e-9)
    assert weighted["loss"] != pytest.approx(alike["loss"], rel=1e-3)


def test_losses_are_weighted_and_metrics_by_rows_alone(write_spec: WriteSpec, counts: Path) -> None:
    data = {"weight": "count", "class_weight": {"red": 3}}
    run = numbann.train(write_spec(data=data, train={"metrics": ["accuracy", "log_loss"]}))
    x, target, weight, _, _ = run.model.preprocessing.read(counts, need_target=True)
    p, label = run.model.outputs(x), np.unique(target, return_inverse=True)[1]
    losses = -np.log(p[np.arange(len(p)), label])
    measures = run.model.measure(x, target, weight).measures
    assert measures["log_loss"] == pytest.approx(np.average(losses, weights=weight), rel=1e-5)
    assert measures["accuracy"] == pytest.approx(np.average(p.argmax(1) == label, weights=weight))
    weight = weight * np.where(target == "red", 3, 1)
    assert measures["loss"] == pytest.approx(np.average(losses, weights=weight), rel=1e-5)


def test_a_weighted_run_goes_on_bit_for_bit(write_spec: WriteSpec, counts: Path) -> None:
    spec = write_spec(data={"weight": "count", "class_weight": "balanced"}, train={"epochs": 6})
    whole = numbann.train(spec, output="whole", threads=1)

    def interrupt(event: Event) -> None:
        if isinstance(event, EpochEnded) and event.record["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(numbann.Interrupted):
        numbann.train(spec, output="parts", callbacks=[interrupt])
    parts = numbann.resume("parts")
    again = numbann.train(whole.path / "spec.resolved.json", output="again")
    models = [(run.path / "model.safetensors").read_bytes() for run in (whole, parts, again)]
    assert models[0] == models[1] == models[2]
    assert whole.metrics == parts.metrics


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight": "cuont"}, 'data.weight: blobs.csv has no column "cuont"; did you mean "count"'),
        ({"weight": "x"}, r'data.weight: blobs.csv row \d+, column "x": the weight is negative'),
        ({"class_weight": {"rde": 2}}, 'data.class_weight: "rde" is no class; did you mean "red"'),
        (
            {"target": "sum", "drop": [], "class_weight": "balanced"},
            "data.class_weight: weights of classes need classes",
        ),
    ],
)
def test_faults_are_at_their_key(write_spec: WriteSpec, counts: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        numbann.train(write_spec(data=changes))


@pytest.mark.parametrize("loss", ["msle", "poisson_nll"])
def test_a_loss_of_positive_targets(write_spec: WriteSpec, loss: str) -> None:
    data = {"target": "x", "drop": ["colour"], "task": "regression"}
    with pytest.raises(SpecError, match=r'loss: blobs.csv row \d+, column "x": the target is -.* none below 0'):
        numbann.train(write_spec(data=data, loss=loss))


def test_a_loss_of_unshifted_targets(write_spec: WriteSpec) -> None:
    run = numbann.train(write_spec(data={"target": "x", "drop": ["colour"], "task": "regression"}, loss="mape"))
    assert run.model.preprocessing.task.to_dict()["shift"] == ()
