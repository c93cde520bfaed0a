"""What trainings say of themselves, and how they are compared: only the files are read, whatever these say."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest
from anything import changed, variants

import numbann
from numbann.errors import RunDirectoryError, TrainingError
from numbann.training.callbacks import EpochEnded, Event
from numbann.training.comparing import ABSENT, differences, pair
from numbann.training.lock import lock
from numbann.training.result import Result, compact, lower_is_better
from numbann.training.results import read_result

WriteSpec = Callable[..., Path]
CASES = 60
SAMPLE: dict[str, Any] = {"data": {"task": "regression"}, "model": {"layers": []}, "train": {}}


def stop(event: Event) -> None:
    if isinstance(event, EpochEnded) and event.record["epoch"] == 2:
        raise KeyboardInterrupt


def test_a_run(write_spec: WriteSpec) -> None:
    run = numbann.train(write_spec(), output="run")
    found = read_result("run")
    assert (found.kind, found.state, found.epochs, found.units) == ("run", "finished", 4, [8])
    assert found.best_epoch == run.metrics["best_epoch"]
    assert found.metrics["test"] == run.metrics["test"]
    assert found.parameters == run.model.plan.parameters
    assert found.size == Path("run/model.safetensors").stat().st_size
    assert found.seconds == pytest.approx(sum(record["seconds"] for record in run.history), abs=1e-5)
    alone = read_result("run/model.safetensors")
    assert (alone.kind, alone.parameters, alone.size, alone.metrics) == ("model", found.parameters, found.size, {})
    assert differences([found, alone]) == {}


def test_statistics_are_no_parameters(write_spec: WriteSpec) -> None:
    run = numbann.train(write_spec(model={"norm": "batch"}, train={"epochs": 1}), output="run")
    assert read_result("run").parameters == run.model.plan.parameters


def test_states(write_spec: WriteSpec) -> None:
    with pytest.raises(KeyboardInterrupt):
        numbann.train(write_spec(), output="run", callbacks=[stop])
    found = read_result("run")
    assert (found.state, found.epochs, found.size) == ("interrupted", 2, None)
    history = [json.loads(line) for line in Path("run/history.jsonl").read_text().splitlines()]
    best = min(history, key=lambda record: record["validation_loss"])
    assert found.best_epoch == best["epoch"]
    assert found.metrics["validation"] == {"loss": best["validation_loss"], "accuracy": best["validation_accuracy"]}
    with lock(Path("run")):
        assert read_result("run").state == "running"
    numbann.resume("run")
    assert read_result("run").state == "finished"


def test_a_run_that_failed_says_why(write_spec: WriteSpec) -> None:
    data = {"target": "sum", "drop": ["colour"], "target_scale": "none"}
    spec = write_spec(data=data, optimizer={"type": "sgd", "learning_rate": 1e30})
    with pytest.raises(TrainingError) as error:
        numbann.train(spec, output="run")
    found = read_result("run")
    assert found.state == "failed"
    assert found.remark == str(error.value).splitlines()[0]


def test_an_ensemble(write_spec: WriteSpec) -> None:
    run = numbann.train(write_spec(ensemble=3), output="run")
    found = read_result("run")
    assert (found.kind, found.epochs, len(found.folds)) == ("ensemble", 12, 3)
    assert found.parameters == 3 * run.model.models[0].plan.parameters
    assert read_result("run/model.safetensors").kind == "ensemble"


def validated(path: str, spec: Path, **more: Any) -> Result:
    Path(path).write_text(json.dumps(numbann.cross_validate(spec, **more).to_json()))
    return read_result(path)


def test_folds_are_paired_where_they_have_the_same_rows(write_spec: WriteSpec) -> None:
    first = validated("a.json", write_spec(), folds=3)
    second = validated("b.json", write_spec(model={"layers": [2], "activation": "relu"}, data={"drop": ["y"]}), folds=3)
    found = pair(first, second)
    assert found is not None
    assert (found.folds, found.of) == (3, (3, 3))
    gains = [b.figures["accuracy"] - a.figures["accuracy"] for a, b in zip(first.folds, second.folds, strict=True)]
    one = found.differences["accuracy"]
    assert (one.mean, one.deviation, one.better) == (fmean(gains), stdev(gains), sum(gain > 0 for gain in gains))
    losses = [b.figures["loss"] - a.figures["loss"] for a, b in zip(first.folds, second.folds, strict=True)]
    assert found.differences["loss"].better == sum(loss < 0 for loss in losses)
    numbann.train(write_spec(ensemble=3), output="run")  # the folds of an ensemble are those of cv
    assert pair(first, read_result("run")).folds == 3  # type: ignore[union-attr]
    other = pair(first, validated("c.json", write_spec(), folds=3, seed=1))
    assert (other.folds, other.differences) == (0, {})  # type: ignore[union-attr]
    twice = pair(first, validated("d.json", write_spec(), folds=3, repeats=2))
    assert (twice.folds, twice.of) == (3, (3, 6))  # type: ignore[union-attr]
    numbann.train(write_spec(), output="single")
    assert pair(first, read_result("single")) is None


def test_differences_of_specs() -> None:
    def result(**spec: Any) -> Result:
        return Result(path=Path("x"), kind="run", spec={**SAMPLE, **spec})

    relu, elu = {"type": "relu"}, {"type": "elu", "alpha": 1.0}
    one = result(
        name="a", callbacks=["wandb"], seed=0, model={"layers": [{"units": 8, "activation": relu}]}, plugins=[]
    )
    two = result(name="b", seed=0.0, model={"layers": [{"units": 8, "activation": elu}, {"units": 4}]}, plugins=["p"])
    assert differences([one, two]) == {
        "seed": [0, 0.0],
        "model.layers[0].activation": ["relu", "elu"],
        "model.layers[0].activation.alpha": [ABSENT, 1.0],
        "model.layers[1]": [ABSENT, {"units": 4}],
        "plugins": [[], ["p"]],
    }
    assert differences([one, one, one]) == {}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"units": 4, "activation": {"type": "relu"}, "norm": None, "dropout": 0.1}, "4, relu, dropout 0.1"),
        ({"type": "elu", "alpha": 0.5}, "elu, alpha 0.5"),
        ("full", "full"),
        (None, "null"),
        ([1, "a"], '[1, "a"]'),
    ],
)
def test_parts_of_a_spec_in_few_words(value: Any, text: str) -> None:
    assert compact(value) == text


def test_which_way_is_better() -> None:
    names = ("loss", "rmse", "accuracy", "calibration_error(bins=5)", "mine")
    assert [name for name in names if lower_is_better(name)] == ["loss", "rmse", "calibration_error(bins=5)"]


@pytest.mark.parametrize("name", ["manifest.json", "spec.resolved.json", "metrics.json", "history.jsonl"])
def test_files_that_say_anything(write_spec: WriteSpec, name: str) -> None:
    numbann.train(write_spec(train={"epochs": 2}), output="run")
    path = Path("run") / name
    value = [json.loads(line) for line in path.read_text().splitlines()] if name == "history.jsonl" else None
    value = value or json.loads(path.read_text())
    ways = variants(value)
    for trail, new in random.Random(0).sample(ways, min(CASES, len(ways))):
        said = changed(value, trail, new)
        many = isinstance(said, list) and name == "history.jsonl"
        path.write_text("".join(f"{json.dumps(one)}\n" for one in (said if many else [said])))
        try:
            json.dumps(read_result("run").to_json())
        except RunDirectoryError as error:
            assert str(path) in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none", "none: there is no such run directory or file"),
        ("folder", "folder: is not a run directory: it has no manifest.json"),
        ("spec.json", "spec.json: is no result of a cross-validation, which numbann cv SPEC --json prints"),
        ("blobs.csv", "blobs.csv: is a file of data; numbann data blobs.csv sums it up"),
        ("other", "other: not a numbann model, or a damaged one"),
    ],
)
def test_what_is_no_result(write_spec: WriteSpec, path: str, message: str) -> None:
    write_spec()
    Path("folder").mkdir()
    Path("other").write_text("no model")
    with pytest.raises(RunDirectoryError, match=message):
        read_result(path)


def test_a_cross_validation_that_says_anything(write_spec: WriteSpec) -> None:
    validated("a.json", write_spec(train={"epochs": 1}), folds=2)
    value = json.loads(Path("a.json").read_text())
    ways = variants(value)
    for trail, new in random.Random(0).sample(ways, min(CASES, len(ways))):
        Path("a.json").write_text(json.dumps(changed(value, trail, new)))
        try:
            found = read_result("a.json")
            differences([found, found])
            pair(found, found)
            json.dumps(found.to_json())
        except RunDirectoryError as error:
            assert "a.json: is " in str(error)  # noqa: PT017
