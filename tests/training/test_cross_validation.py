"""Cross-validation: figures and predictions of folds, the same in threads, processes and any other Executor."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.errors import SpecError, TrainingError
from numbann.fit import loop
from numbann.training import models
from numbann.training.callbacks import EpochEnded, Event, FromModel, ModelEnded, Started

WriteSpec = Callable[..., Path]
REGRESSION = {"target": "sum", "drop": ["colour"], "task": "regression"}


def figures(found: numbann.CrossValidation) -> Any:
    """What no clock is in."""
    folds = [{name: value for name, value in one.items() if name != "seconds"} for one in found.folds]
    return folds, found.mean, found.deviation, {name: column.tolist() for name, column in found.predictions.items()}


def test_what_it_tells(write_spec: WriteSpec) -> None:
    events: list[Event] = []
    found = numbann.cross_validate(write_spec(), folds=4, callbacks=[events.append])
    assert [(one["model"], one["fold"], one["repeat"], one["epochs"]) for one in found.folds] == [
        (fold, fold, 1, 4) for fold in (1, 2, 3, 4)
    ]
    losses = [one["validation"]["loss"] for one in found.folds]
    assert found.mean["loss"] == pytest.approx(np.mean(losses))
    assert found.deviation["loss"] == pytest.approx(np.std(losses, ddof=1))
    assert list(found.mean) == ["loss", "accuracy"]
    assert list(found.predictions) == ["row", "fold", "target", "prediction", "p_blue", "p_green", "p_red"]
    assert len(found.predictions["row"]) == 102
    right = found.predictions["target"] == found.predictions["prediction"]
    assert found.mean["accuracy"] == pytest.approx(right.mean(), abs=0.01)
    assert json.loads(json.dumps(found.to_json()))["folds"] == list(found.folds)
    started = next(event for event in events if isinstance(event, Started))
    assert (started.path, started.models) == (None, 4)
    assert [event.model for event in events if isinstance(event, ModelEnded)] == [1, 2, 3, 4]
    ends = [event for event in events if isinstance(event, FromModel) and isinstance(event.event, EpochEnded)]
    assert len(ends) == 16
    assert not Path("runs").exists()


def test_folds_are_those_of_an_ensemble(write_spec: WriteSpec) -> None:
    found = numbann.cross_validate(write_spec(data=REGRESSION), folds=3)
    run = numbann.train(write_spec(data=REGRESSION, ensemble=3))
    assert [one["validation"] for one in found.folds] == [one["validation"] for one in run.metrics["models"]]
    found.write("predictions.csv")
    assert Path("predictions.csv").read_bytes() == (run.path / "out_of_fold.csv").read_bytes()


class Own(Executor):
    """An Executor of the user's."""

    def submit(self, function: Any, /, *args: Any, **more: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*args, **more))
        return future


@pytest.mark.parametrize("given", [False, True], ids=["file", "given"])
def test_any_executor_gives_the_same(write_spec: WriteSpec, given: bool) -> None:
    spec = json.loads(write_spec(train={"epochs": 2}).read_text())
    data = None
    if given:
        lines = [line.split(",") for line in Path("blobs.csv").read_text().splitlines()[1:]]
        x = np.array([row[:2] for row in lines], float)
        data = {"a": x[:, 0], "b": x[:, 1], "colour": [row[3] for row in lines]}
        spec["data"] = {"target": "colour"}

    def validated(**more: Any) -> Any:
        return figures(numbann.cross_validate(spec, folds=3, repeats=2, data=data, **more))

    expected = validated(threads=1)
    assert validated(threads=4) == expected
    assert validated(executor=Own()) == expected
    with ThreadPoolExecutor(2) as threads:
        assert validated(executor=threads) == expected
    with ProcessPoolExecutor(1, get_context("spawn")) as processes:
        assert validated(executor=processes) == expected
    if not given:
        assert validated(executor="processes", threads=2) == expected


def test_repeats_cut_anew(write_spec: WriteSpec) -> None:
    found = numbann.cross_validate(write_spec(train={"epochs": 1}), folds=2, repeats=3)
    assert [(one["fold"], one["repeat"]) for one in found.folds] == [(1, 1), (2, 1), (1, 2), (2, 2), (1, 3), (2, 3)]
    assert len({one["seed"] for one in found.folds}) == 6
    once = numbann.cross_validate(write_spec(train={"epochs": 1}), folds=2)
    assert [one["validation"] for one in found.folds[:2]] == [one["validation"] for one in once.folds]
    assert found.folds[2]["validation"] != found.folds[0]["validation"]


def test_a_fold_that_fails_is_a_row(write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    train = models.begin

    def failing(engine: Any, job: Any) -> Any:
        if len(job.validation) == 25:  # one of four
            raise TrainingError("it has\nfailed")
        return train(engine, job)

    monkeypatch.setattr(models, "begin", failing)
    events: list[Event] = []
    found = numbann.cross_validate(write_spec(), folds=4, callbacks=[events.append])
    assert {one["error"] for one in found.failed} == {"it has failed"}
    assert 0 < len(found.failed) < 4
    assert "it has failed" in {event.error for event in events if isinstance(event, ModelEnded)}
    assert len(found.predictions["row"]) == 102 - 25 * len(found.failed)


def test_all_fail(write_spec: WriteSpec) -> None:
    data = {**REGRESSION, "target_scale": "none"}
    with pytest.raises(TrainingError, match="all models failed; the first: epoch 1: "):
        numbann.cross_validate(write_spec(data=data, optimizer={"type": "sgd", "learning_rate": 1e30}))


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_ctrl_c_ends_it(write_spec: WriteSpec, executor: str) -> None:
    def press(event: Event) -> None:
        if isinstance(event, Started):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        numbann.cross_validate(write_spec(train={"epochs": 10**8}), executor=executor, callbacks=[press])


def test_ctrl_c_stops_models_in_the_midst(write_spec: WriteSpec) -> None:
    def press(event: Event) -> None:
        if isinstance(event, FromModel):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        numbann.cross_validate(write_spec(train={"epochs": 10**8}), callbacks=[press])


@pytest.mark.parametrize(
    ("changes", "given", "message"),
    [
        ({}, {"folds": 1}, "1 folds, 1 times, are none"),
        ({}, {"repeats": 0}, "5 folds, 0 times, are none"),
        ({"ensemble": 3}, {}, 'ensemble: an ensemble has folds of its own.*"ensemble": null'),
        ({"data": {"path": {"train": "blobs.csv", "validation": "blobs.csv"}}}, {}, "names a validation part"),
        ({"data": {"split": {"by": "x"}}}, {"repeats": 2}, "rows in order are cut in one way alone"),
        ({}, {"folds": 200}, "102 rows cannot be 200 folds; take fewer"),
        ({}, {"executor": "dask"}, 'executor is "dask"; give "threads", "processes"'),
    ],
)
def test_what_cannot_be(write_spec: WriteSpec, changes: Any, given: Any, message: str) -> None:
    with pytest.raises(numbann.NumbannError, match=message):
        numbann.cross_validate(write_spec(**changes), **given)


def test_with_a_preset_and_a_batch_that_depends_on_the_rows(write_spec: WriteSpec) -> None:
    train = {"epochs": 2, "batch_size": "by-rows"}
    spec = write_spec(preset="tabular", train=train, data={"bins": {"count": 4}}, model={"layers": [8]})
    expected = figures(numbann.cross_validate(spec, folds=3))
    with ProcessPoolExecutor(1, get_context("spawn")) as processes:
        assert figures(numbann.cross_validate(spec, folds=3, executor=processes)) == expected


def test_an_ensemble_left_out(write_spec: WriteSpec) -> None:
    assert numbann.cross_validate(write_spec(ensemble=3), folds=2, overrides={"ensemble": None}).mean
    with pytest.raises(SpecError):
        numbann.cross_validate(write_spec(ensemble=3), folds=2)


def test_an_epoch_that_takes_long(write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch, pieces: None) -> None:
    expected = figures(numbann.cross_validate(write_spec(), folds=2))
    monkeypatch.setattr(loop, "PIECE", 0.0)  # seconds after which its numbers are looked at
    found = numbann.cross_validate(write_spec(), folds=2)
    assert found.failed == []
    assert figures(found) == expected


def test_repeats_have_lines_of_their_own_that_give_the_figures(write_spec: WriteSpec) -> None:
    found = numbann.cross_validate(write_spec(), folds=3, repeats=2)
    columns = found.predictions
    assert list(columns)[:4] == ["row", "repeat", "fold", "target"]
    assert len(columns["row"]) == 2 * 102
    right = columns["target"] == columns["prediction"]
    for one in found.folds:
        own = (columns["repeat"] == one["repeat"]) & (columns["fold"] == one["fold"])
        assert one["validation"]["accuracy"] == pytest.approx(right[own].mean())
    every = [right[(columns["repeat"] == r) & (columns["fold"] == f)].mean() for r in (1, 2) for f in (1, 2, 3)]
    assert found.mean["accuracy"] == pytest.approx(np.mean(every))
