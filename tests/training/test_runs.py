"""Whole runs with the real engine: the files written, reproducibility, resuming and stopping."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.engine.cpu.engine import Engine
from numbann.errors import DataError, RunDirectoryError, SpecError, TrainingError
from numbann.training import preparation
from numbann.training.callbacks import Compiling, EpochEnded, Event, Finished, Started

WriteSpec = Callable[..., Path]
RESTLESS = {"optimizer": {"type": "adamw", "learning_rate": 1.0}}  # the best epoch is not the last
REGRESSION = {"target": "sum", "drop": ["colour"], "task": "regression"}


def interrupt_after(epochs: int) -> Callable[[Event], None]:
    """A callback that presses Ctrl-C at the end of an epoch."""

    def callback(event: Event) -> None:
        if isinstance(event, EpochEnded) and event.record["epoch"] == epochs:
            raise KeyboardInterrupt

    return callback


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_the_run_directory(write_spec: WriteSpec) -> None:
    spec = write_spec()
    run = numbann.train(spec)
    assert str(run.path) == "runs/spec"
    assert sorted(path.name for path in run.path.iterdir()) == sorted(
        [
            "checkpoint.safetensors",
            "history.jsonl",
            "manifest.json",
            "metrics.json",
            "model.safetensors",
            "spec.json",
            "spec.resolved.json",
        ]
    )
    assert (run.path / "spec.json").read_bytes() == spec.read_bytes()
    assert read(run.path / "metrics.json") == run.metrics
    assert set(run.metrics) == {"best_epoch", "train", "validation", "test", "baseline", "classes", "confusion"}
    assert set(run.metrics["test"]) == {"loss", "accuracy"}
    lines = [json.loads(line) for line in (run.path / "history.jsonl").read_text().splitlines()]
    assert lines == list(run.history)
    validation = ["validation_loss", "validation_accuracy"]
    assert list(lines[0]) == ["epoch", "train_loss", *validation, "learning_rate", "seconds"]
    assert lines[run.metrics["best_epoch"] - 1]["validation_loss"] == run.metrics["validation"]["loss"]


def test_nothing_stays_auto(write_spec: WriteSpec) -> None:
    run = numbann.train(write_spec())
    assert '"auto"' not in (run.path / "spec.resolved.json").read_text()
    assert "output" not in read(run.path / "spec.resolved.json")


def test_it_learns(write_spec: WriteSpec) -> None:
    run = numbann.train(write_spec(train={"epochs": 30}))
    assert run.metrics["test"]["accuracy"] > 0.9
    assert run.history[-1]["train_loss"] < run.history[0]["train_loss"] / 3


def test_a_metric_without_a_value_ends_no_run(write_spec: WriteSpec, here: Path) -> None:
    lines = [f"{row}.5,{'no' if row < 60 else 'yes'}" for row in range(70)]
    (here / "train.csv").write_text("\n".join(["x,y", *lines]) + "\n")
    (here / "test.csv").write_text("x,y\n1,no\n2,no\n")
    path = {"train": "train.csv", "validation": "test.csv", "test": "test.csv"}
    data = {"path": path, "target": "y", "drop": []}
    ends: list[Any] = []
    spec = write_spec(data=data, train={"metrics": ["roc_auc", "pr_auc", "f1"], "epochs": 2})
    run = numbann.train(spec, callbacks=[ends.append])
    assert ends[-1].warnings == ()  # it has one on the training rows
    assert read(run.path / "metrics.json")["test"]["roc_auc"] is None
    assert read(run.path / "metrics.json")["confusion"]["test"][1] == [0, 0]


def test_a_metric_that_is_never_a_number_is_mentioned(write_spec: WriteSpec, here: Path) -> None:
    code = "from math import nan\nfrom numbann import *\n@metric\ndef empty(t, label):\n    'Empty.'\n    return nan\n"
    hook = "@hookimpl\ndef numbann_register(register):\n    register(empty)\n"
    (here / "empty.py").write_text(code + hook)
    ends: list[Any] = []
    numbann.train(write_spec(train={"metrics": ["empty", "accuracy"]}, plugins=["empty.py"]), callbacks=[ends.append])
    (warning,) = ends[-1].warnings
    assert 'metric "empty" is not a number (NaN) on every part' in warning


def test_regression_is_measured_in_its_own_unit(write_spec: WriteSpec) -> None:
    run = numbann.train(write_spec(data=REGRESSION, train={"epochs": 120}))
    assert set(run.metrics["test"]) == {"loss", "rmse", "r2"}
    assert run.metrics["test"]["r2"] > 0.9
    deviation = 2.5  # of the target; the loss is of the scaled target
    assert run.metrics["test"]["rmse"] == pytest.approx(run.metrics["test"]["loss"] ** 0.5 * deviation, rel=0.5)


def test_the_same_run_gives_the_same_bytes(write_spec: WriteSpec) -> None:
    spec = write_spec()
    models = [(numbann.train(spec, threads=threads).path / "model.safetensors").read_bytes() for threads in (1, 1, 2)]
    assert models[0] == models[1] == models[2]


def test_another_seed_gives_another_model(write_spec: WriteSpec) -> None:
    one, other = (numbann.train(write_spec(), seed=seed).model.weights[0][0] for seed in (0, 1))
    assert not np.array_equal(one, other)


# ---- going on


def test_three_epochs_and_three_more_are_six(write_spec: WriteSpec) -> None:
    spec = write_spec()
    whole = numbann.train(spec, output="whole", overrides={"train.epochs": 6})
    numbann.train(spec, output="parts", overrides={"train.epochs": 3})
    parts = numbann.resume("parts", epochs=6)
    assert (whole.path / "model.safetensors").read_bytes() == (parts.path / "model.safetensors").read_bytes()
    assert whole.metrics == parts.metrics
    assert list(map(without_seconds, whole.history)) == list(map(without_seconds, parts.history))


@pytest.mark.parametrize("stopping", [None, {"patience": 3}])
def test_an_interrupted_run_goes_on_bit_for_bit(write_spec: WriteSpec, stopping: Any) -> None:
    spec = write_spec(train={"epochs": 6, "early_stopping": stopping})
    whole = numbann.train(spec, output="whole")
    with pytest.raises(numbann.Interrupted) as caught:
        numbann.train(spec, output="parts", callbacks=[interrupt_after(2)])
    assert caught.value.path == Path("parts")
    assert not (Path("parts") / "model.safetensors").exists()
    parts = numbann.resume("parts")
    assert (whole.path / "model.safetensors").read_bytes() == (parts.path / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    "schedule", ["cosine", {"type": "plateau", "patience": 0, "threshold": 0.5}, {"type": "step", "warmup_epochs": 3}]
)
def test_a_scheduled_run_goes_on_bit_for_bit(write_spec: WriteSpec, schedule: Any) -> None:
    spec = write_spec(train={"epochs": 6})
    overrides = {"schedule": schedule}
    whole = numbann.train(spec, output="whole", overrides=overrides)
    with pytest.raises(numbann.Interrupted):
        numbann.train(spec, output="parts", overrides=overrides, callbacks=[interrupt_after(2)])
    parts = numbann.resume("parts")
    assert (whole.path / "model.safetensors").read_bytes() == (parts.path / "model.safetensors").read_bytes()
    assert list(map(without_seconds, whole.history)) == list(map(without_seconds, parts.history))
    assert len({record["learning_rate"] for record in whole.history}) > 1


AVERAGED = {"train.average": 0.9, "train.clip_norm": 0.5, "train.clip_value": 0.1, "optimizer.l1": 1e-3}


@pytest.mark.parametrize(
    "overrides",
    [
        AVERAGED,
        {"optimizer": {"type": "lamb", "learning_rate": 0.05, "l1": 1e-3}, "train.average": 0.9},
        {"optimizer": {"type": "lbfgs", "weight_decay": 0.01}, "train.batch_size": "auto"},
    ],
)
def test_a_run_with_more_than_weights_to_keep_goes_on_bit_for_bit(write_spec: WriteSpec, overrides: Any) -> None:
    spec = write_spec(train={"epochs": 6, "early_stopping": {"patience": 4}})
    whole = numbann.train(spec, output="whole", overrides=overrides)
    with pytest.raises(numbann.Interrupted):
        numbann.train(spec, output="parts", overrides=overrides, callbacks=[interrupt_after(3)])
    parts = numbann.resume("parts")
    assert (whole.path / "model.safetensors").read_bytes() == (parts.path / "model.safetensors").read_bytes()
    assert list(map(without_seconds, whole.history)) == list(map(without_seconds, parts.history))


def test_a_solver_takes_all_rows(write_spec: WriteSpec) -> None:
    run = numbann.train(write_spec(train={"epochs": 30, "batch_size": "auto"}, optimizer={"type": "lbfgs"}))
    assert read(run.path / "spec.resolved.json")["train"]["batch_size"] == "full"
    losses = [record["train_loss"] for record in run.history]
    assert losses == sorted(losses, reverse=True)
    assert run.metrics["train"]["loss"] == pytest.approx(losses[-1], rel=1e-5)
    assert run.metrics["test"]["accuracy"] > 0.9


def test_the_model_is_the_average_that_was_validated(write_spec: WriteSpec) -> None:
    """The average lags behind the weights: the loss of an epoch in training is far below that of its average."""
    run = numbann.train(write_spec(train={"epochs": 2, "average": 0.95}), overrides={"optimizer.learning_rate": 0.1})
    assert run.metrics["validation"]["loss"] == run.history[-1]["validation_loss"]
    assert run.metrics["train"]["loss"] > run.history[-1]["train_loss"]
    again = numbann.load(run.path)
    assert all(np.array_equal(a, b) for a, b in zip(sum(run.model.weights, ()), sum(again.weights, ()), strict=True))


def test_a_schedule_over_all_epochs_keeps_their_number(write_spec: WriteSpec) -> None:
    run = numbann.train(write_spec(schedule="linear"))
    with pytest.raises(RunDirectoryError, match=r'schedule "linear" is laid out over the epochs it began with'):
        numbann.resume(run.path, epochs=9)
    with pytest.raises(RunDirectoryError, match=r"is complete: .* train anew for more"):
        numbann.resume(run.path)


def without_seconds(record: Any) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != "seconds"}


def test_an_interruption_inside_an_epoch_goes_on_from_the_last_whole_one(
    write_spec: WriteSpec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = write_spec()
    whole = numbann.train(spec, output="whole")
    evaluate = Engine.evaluate

    def interrupted(engine: Engine, *given: Any) -> Any:
        if engine.steps_done > 12:  # between the training of epoch 3, of six steps, and its end
            raise KeyboardInterrupt
        return evaluate(engine, *given)

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "evaluate", interrupted)
        with pytest.raises(numbann.Interrupted):
            numbann.train(spec, output="parts")
    events: list[Event] = []
    parts = numbann.resume("parts", callbacks=[events.append])
    assert [event.record["epoch"] for event in events if isinstance(event, EpochEnded)] == [3, 4]
    assert (whole.path / "model.safetensors").read_bytes() == (parts.path / "model.safetensors").read_bytes()


def test_a_complete_run_is_not_resumed(write_spec: WriteSpec) -> None:
    run = numbann.train(write_spec())
    before = (run.path / "model.safetensors").stat().st_mtime_ns
    with pytest.raises(RunDirectoryError, match=r"is complete: 4 epochs.*--epochs N"):
        numbann.resume(run.path)
    assert (run.path / "model.safetensors").stat().st_mtime_ns == before


def test_changed_data_is_not_resumed_with(write_spec: WriteSpec, blobs: Path) -> None:
    numbann.train(write_spec(), output="out")
    with blobs.open("a") as file:
        file.write("1,1,2,red\n")
    with pytest.raises(RunDirectoryError, match=r"blobs\.csv: has changed since"):
        numbann.resume("out", epochs=9)


def test_a_changed_spec_is_not_resumed_with(write_spec: WriteSpec) -> None:
    run = numbann.train(write_spec())
    resolved = read(run.path / "spec.resolved.json")
    (run.path / "spec.resolved.json").write_text(json.dumps({**resolved, "seed": 9}))
    with pytest.raises(RunDirectoryError, match="another spec"):
        numbann.resume(run.path, epochs=9)


def test_the_resolved_spec_gives_the_same_bytes(write_spec: WriteSpec, here: Path) -> None:
    """What was said in short, inherited or decided by the data is written down."""
    write_spec(model={"layers": [6, 5], "activation": "elu", "dropout": 0.1, "norm": "layer"}).rename("base.json")
    (here / "spec.json").write_text('{"extends": "base.json", "train": {"epochs": 3, "early_stopping": 2}}')
    run = numbann.train(here / "spec.json", output="run", overrides={"seed": 5})
    again = numbann.train(run.path / "spec.resolved.json", output="again")
    same = ["model.safetensors", "metrics.json", "spec.resolved.json"]
    assert [name for name in same if (run.path / name).read_bytes() != (again.path / name).read_bytes()] == []
    assert list(map(without_seconds, run.history)) == list(map(without_seconds, again.history))


# ---- stopping


@pytest.mark.parametrize("select", [{}, {"ties": "last"}, "validation_accuracy", "train_loss"], ids=str)
@pytest.mark.parametrize("changes", [RESTLESS, {"optimizer.learning_rate": 1.0, "train.average": 0.9}], ids=str)
def test_the_best_epoch_is_kept(write_spec: WriteSpec, select: Any, changes: dict[str, Any]) -> None:
    """Its weights are those of a run that ended with it, and the model says so."""
    changed = {**changes, "train.epochs": 8, "train.select": select}
    run = numbann.train(write_spec(), output="all", overrides=changed)
    best = run.metrics["best_epoch"]
    until = numbann.train(
        write_spec(), output="best", overrides={**changed, "train.select": None, "train.epochs": best}
    )
    monitor = select if isinstance(select, str) else "validation_loss"
    values = [record[monitor] for record in run.history]
    worse = values[best:] if select == {"ties": "last"} else []
    chosen = max(values) if monitor.endswith("accuracy") else min(values)
    assert values[best - 1] == chosen
    assert chosen not in worse
    assert run.metrics["validation"] == until.metrics["validation"]
    for (w, b), (v, c) in zip(run.model.weights, until.model.weights, strict=True):
        assert (w.tobytes(), b.tobytes()) == (v.tobytes(), c.tobytes())


def test_null_keeps_the_last_epoch(write_spec: WriteSpec) -> None:
    changed = {**RESTLESS, "train.epochs": 8, "train.select": None}
    told: list[Event] = []
    run = numbann.train(write_spec(), overrides=changed, callbacks=[told.append])
    assert run.metrics["validation"]["loss"] == run.history[-1]["validation_loss"]
    assert isinstance(told[-1], Finished)
    assert (told[-1].weights_epoch, run.metrics["best_epoch"] < 8) == (8, True)


def test_early_stopping_restores_the_best_tensors(write_spec: WriteSpec) -> None:
    spec = write_spec(
        train={"epochs": 60, "early_stopping": {"monitor": "validation_loss", "patience": 2, "min_delta": 0.2}},
    )
    run = numbann.train(spec)
    assert len(run.history) == run.metrics["best_epoch"] + 2 < 60
    assert run.metrics["validation"]["loss"] == run.history[run.metrics["best_epoch"] - 1]["validation_loss"]
    with pytest.raises(RunDirectoryError, match="early stopping ended it"):
        numbann.resume(run.path, epochs=99)


def test_a_loss_that_explodes_ends_the_run_and_keeps_the_checkpoint(write_spec: WriteSpec) -> None:
    spec = write_spec(data={**REGRESSION, "scale": "none"}, optimizer={"type": "sgd", "learning_rate": 1e30})
    with pytest.raises(TrainingError, match=r"(?s)epoch 1: train_loss is .*1e\+30.*epoch 0 is kept in out"):
        numbann.train(spec, output="out")
    assert (Path("out") / "checkpoint.safetensors").exists()
    assert not (Path("out") / "model.safetensors").exists()


# ---- refusing


def test_nothing_is_written_for_a_bad_spec(write_spec: WriteSpec, here: Path) -> None:
    before = sorted(here.iterdir())
    with pytest.raises(SpecError, match="rleu"):
        numbann.train(write_spec(model={"layers": [{"units": 8, "activation": "rleu"}]}))
    with pytest.raises(SpecError, match=r"spec\.json:\d+  data\.target: "):
        numbann.train(write_spec(data={"target": "color"}))
    assert sorted(path for path in here.iterdir() if path.name != "spec.json") == before


def test_an_existing_output_is_refused_before_the_data_is_read(write_spec: WriteSpec, blobs: Path) -> None:
    numbann.train(write_spec(), output="out")
    with pytest.raises(RunDirectoryError, match="exists already"):
        numbann.train({"no": "spec"}, output="out")
    assert numbann.train(write_spec(), output="out", force=True).path == Path("out")


def test_a_dict_is_a_spec(write_spec: WriteSpec) -> None:
    spec = json.loads(write_spec().read_text())
    run = numbann.train({**spec, "name": "colours"})
    assert str(run.path) == "runs/colours"
    assert read(run.path / "spec.json") == {**spec, "name": "colours"}


def test_events_come_in_order(write_spec: WriteSpec) -> None:
    events: list[Event] = []
    numbann.train(write_spec(train={"epochs": 2}), callbacks=[events.append])
    kinds = [type(event).__name__ for event in events if type(event).__name__ != "StepsDone"]
    assert kinds == ["DataRead", "Planned", "Started", "EpochEnded", "EpochEnded", "Finished"]
    started = next(event for event in events if isinstance(event, Started))
    assert (started.epochs_done, started.epochs, started.device) == (0, 2, "cpu")
    assert isinstance(events[-1], Finished)


def test_data_errors_without_a_key_stay_data_errors(write_spec: WriteSpec, blobs: Path) -> None:
    blobs.write_text(blobs.read_text() + "1,2\n")
    with pytest.raises(DataError, match=r"blobs\.csv"):
        numbann.train(write_spec())


@pytest.mark.parametrize("empty", [True, False])
def test_the_first_run_says_that_it_compiles(
    write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch, empty: bool
) -> None:
    monkeypatch.setattr(preparation, "cache_is_empty", lambda: empty)
    told: list[Event] = []
    numbann.train(write_spec(train={"epochs": 1}), callbacks=[told.append])
    kinds = [type(event) for event in told]
    assert (Compiling in kinds) == empty
    assert not empty or kinds.index(Compiling) < kinds.index(Started)
