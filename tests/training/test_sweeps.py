"""Sweeps: the same trials for any number of workers and any Executor, kept as they end, and the best trained again."""

from __future__ import annotations

import importlib.util
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bent import PLUGIN

import numbann
from numbann.errors import NumbannError, RunDirectoryError, SpecError, TrainingError
from numbann.spec import sweeping
from numbann.training import kept
from numbann.training.callbacks import DataRead, Event, SweepStarted, TrialEnded
from numbann.training.preparation import load
from numbann.training.sweeps import sources, store, trial
from numbann.training.sweeps.halving import rungs_of

WriteSpec = Callable[..., Path]
RATE, UNITS = "optimizer.learning_rate", "model.layers[*].units"
PARAMETERS = {RATE: {"low": 1e-3, "high": 1e-1, "log": True}, UNITS: [2, 4, 8]}
RANDOM = {"parameters": PARAMETERS, "search": {"trials": 6}}
HALVING = {"parameters": PARAMETERS, "search": {"type": "halving", "trials": 9, "epochs": 1, "factor": 3}}
TPE = {"parameters": PARAMETERS, "search": {"type": "tpe", "trials": 12, "batch": 4}}
WITH_OPTUNA = pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="Optuna is an extra")
FOLDED = {**HALVING, "folds": 2}
SEARCHES = [RANDOM, {**RANDOM, "folds": 3}, HALVING, FOLDED, pytest.param(TPE, marks=WITH_OPTUNA)]
NAMES = ["random", "folds", "halving", "folded halving", "tpe"]


def unclocked(value: Any) -> Any:
    """What no clock is in."""
    if isinstance(value, Mapping):
        return {key: unclocked(inner) for key, inner in value.items() if key != "seconds"}
    return [unclocked(one) for one in value] if isinstance(value, list) else value


def figures(found: numbann.Sweep) -> Any:
    """The table and the best of a sweep."""
    return unclocked(list(found.table)), found.best["trial"], unclocked(list(found.run.history))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (path / "trials.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("folds", [1, 2])
def test_a_row_tells_the_epoch_of_its_figures(write_spec: WriteSpec, folds: int) -> None:
    fast = {"parameters": {RATE: {"values": [1.0, 2.0]}}, "search": {"type": "grid"}, "folds": folds}
    found = numbann.sweep(
        write_spec(sweep=fast, optimizer={"type": "adamw"}), overrides={"train.select": None, "train.epochs": 8}
    )
    for row in found.table:
        for one in row.get("folds", [row]):
            assert one["validation"]["loss"] == one["history"][-1]["validation_loss"]
            assert one.get("weights_epoch", one["best_epoch"]) == one["epochs"] == 8
    assert any("weights_epoch" in row and row["best_epoch"] < 8 for row in found.table)


def test_what_it_leaves(write_spec: WriteSpec) -> None:
    events: list[Event] = []
    found = numbann.sweep(write_spec(sweep=RANDOM), workers=2, callbacks=[events.append])
    assert found.path == Path("runs/spec-sweep")
    names = {path.name for path in found.path.iterdir()}
    assert names == {"sweep.manifest.json", "spec.json", "trials.jsonl", "best.json", "best"}
    assert [row["trial"] for row in found.table] == [1, 2, 3, 4, 5, 6]
    assert sorted(row["trial"] for row in lines(found.path)) == [1, 2, 3, 4, 5, 6]
    for row in found.table:
        assert list(row) == [
            *("trial", "parameters", "value", "best_epoch", "epochs", "seconds", "validation", "history"),
        ]
        assert 1e-3 <= row["parameters"][RATE] <= 1e-1
        assert row["parameters"][UNITS] in (2, 4, 8)
        assert row["value"] == row["validation"]["loss"] == min(one["validation_loss"] for one in row["history"])
    assert found.best == min(found.table, key=lambda row: row["value"])
    assert found.failed == []
    manifest = json.loads((found.path / "sweep.manifest.json").read_text())
    assert (manifest["best"], manifest["trials"], manifest["better"]) == (found.best["trial"], 6, "lower")
    assert manifest["finished"]
    told = json.loads(json.dumps(found.to_json()))
    assert [row["trial"] for row in told["trials"]] == [1, 2, 3, 4, 5, 6]
    assert "history" not in told["best"]
    (started,) = [event for event in events if isinstance(event, SweepStarted)]
    assert (started.trials, started.done, started.workers, started.lower) == (6, 0, 2, True)
    ended = [event for event in events if isinstance(event, TrialEnded)]
    assert [event.row["trial"] for event in ended] == [1, 2, 3, 4, 5, 6]
    assert [event.row for event in ended if event.best][-1]["trial"] == found.best["trial"]
    assert len([event for event in events if isinstance(event, DataRead)]) == 1


def test_the_best_spec_trains_the_same(write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    found = numbann.sweep(write_spec(sweep=RANDOM))
    folder = Path("elsewhere")
    folder.mkdir()
    run = numbann.train(found.path / "best.json", output=folder / "run")
    assert unclocked(list(run.history)) == unclocked(found.best["history"])
    assert unclocked(run.metrics) == unclocked(found.run.metrics)
    model = "model.safetensors"
    assert (run.path / model).read_bytes() == (found.path / "best" / model).read_bytes()
    spec = json.loads((found.path / "best.json").read_text())
    assert spec["optimizer"]["learning_rate"] == found.best["parameters"][RATE]
    assert spec["model"]["layers"][0]["units"] == found.best["parameters"][UNITS]
    assert "sweep" not in spec
    by_hand = {RATE: found.table[1]["parameters"][RATE], "model.layers[0].units": found.table[1]["parameters"][UNITS]}
    alone = numbann.train(write_spec(), overrides=by_hand)
    assert unclocked(list(alone.history)) == unclocked(found.table[1]["history"])


class Own(Executor):
    """An Executor of the user's."""

    def submit(self, function: Any, /, *args: Any, **more: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*args, **more))
        return future


@pytest.mark.parametrize("sweep", SEARCHES, ids=NAMES)
def test_any_number_of_workers_gives_the_same(write_spec: WriteSpec, sweep: dict[str, Any]) -> None:
    spec = write_spec(sweep=sweep, data={"drop": ["sum"], "split": {"validation": 0.3}})
    expected = figures(numbann.sweep(spec, workers=1))
    assert figures(numbann.sweep(spec, workers=3)) == expected
    assert figures(numbann.sweep(spec, executor=Own())) == expected
    with ThreadPoolExecutor(2) as threads:
        assert figures(numbann.sweep(spec, executor=threads, threads=2)) == expected


def test_processes_give_the_same(write_spec: WriteSpec) -> None:
    spec = write_spec(sweep=HALVING)
    expected = figures(numbann.sweep(spec, workers=1))
    assert figures(numbann.sweep(spec, executor="processes", workers=2)) == expected


def test_a_worker_needs_no_optuna(write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    trials = trial.Trials(load(write_spec(sweep={**TPE, "search": {"type": "random"}})))
    trials.prepare_base(lambda event: None)
    trials.loaded.given["sweep"]["search"] = {"type": "tpe"}
    monkeypatch.setattr(sweeping, "find_spec", lambda name: None)
    sent = pickle.loads(pickle.dumps(trials)).here(1)
    assert sent.sweep.search.type == "random"
    assert sent.sweep.parameters == trials.sweep.parameters


def test_rows_given_in_python(write_spec: WriteSpec) -> None:
    spec = json.loads(write_spec(sweep=RANDOM).read_text())
    rows = [line.split(",") for line in Path("blobs.csv").read_text().splitlines()[1:]]
    x = np.array([row[:2] for row in rows], float)
    data = {"a": x[:, 0], "b": x[:, 1], "colour": [row[3] for row in rows]}
    spec["data"] = {"target": "colour"}
    found = numbann.sweep(spec, data=data, output="out")
    assert len(found.table) == 6
    (Path("out") / "trials.jsonl").write_text("")
    manifest = json.loads((Path("out") / "sweep.manifest.json").read_text())
    (Path("out") / "sweep.manifest.json").write_text(json.dumps({**manifest, "finished": None}))
    assert figures(numbann.resume_sweep("out", data=data)) == figures(found)


# ---- what is searched


def test_a_grid_has_every_point(write_spec: WriteSpec) -> None:
    parameters = {
        UNITS: [2, 4],
        "train.batch_size": ["full", 16],
        "train.clip_norm": {"low": 1, "high": 2, "integer": True},
    }
    found = numbann.sweep(write_spec(sweep={"parameters": parameters, "search": "grid"}, train={"epochs": 1}))
    points = [tuple(row["parameters"].values()) for row in found.table]
    assert points == [(units, size, norm) for units in (2, 4) for size in ("full", 16) for norm in (1, 2)]


def test_few_points_come_once_each(write_spec: WriteSpec) -> None:
    found = numbann.sweep(write_spec(sweep={"parameters": {UNITS: [2, 3, 4]}, "search": {"trials": 9}}))
    assert sorted(row["parameters"][UNITS] for row in found.table) == [2, 3, 4]


def test_ranges(write_spec: WriteSpec) -> None:
    parameters = {
        RATE: {"low": 1e-5, "high": 1e-1, "log": True},
        "train.clip_norm": {"low": 1, "high": 3},
        "train.batch_size": {"low": 8, "high": 64, "log": True, "integer": True},
        UNITS: {"low": 2, "high": 4, "integer": True},
    }
    sweep = {"parameters": parameters, "search": {"trials": 60}}
    found = numbann.sweep(write_spec(sweep=sweep, train={"epochs": 1}))
    rates, norms, sizes, units = zip(*(row["parameters"].values() for row in found.table), strict=True)
    assert min(rates) < 1e-4 < 1e-2 < max(rates)
    assert 0.35 < np.mean(np.array(rates) < 1e-3) < 0.65
    assert 1 < min(norms) < 1.2 < 2.8 < max(norms) < 3
    assert {type(size) for size in sizes} == {int}
    assert 0.3 < np.mean(np.array(sizes) < 22) < 0.7
    assert set(units) == {2, 3, 4}


def test_trials_are_a_function_of_spec_and_number(write_spec: WriteSpec) -> None:
    one = numbann.sweep(write_spec(sweep=RANDOM, train={"epochs": 1}))
    more = numbann.sweep(write_spec(sweep={**RANDOM, "search": {"trials": 9}}, train={"epochs": 1}))
    other = numbann.sweep(write_spec(sweep=RANDOM, train={"epochs": 1}), seed=1)
    assert [row["parameters"] for row in more.table[:6]] == [row["parameters"] for row in one.table]
    assert other.table[0]["parameters"] != one.table[0]["parameters"]


def test_halving(write_spec: WriteSpec) -> None:
    events: list[Event] = []
    spec = write_spec(sweep=HALVING, optimizer={"type": "adam"}, schedule={"type": "cosine"})
    found = numbann.sweep(spec, callbacks=[events.append])
    (started,) = [event for event in events if isinstance(event, SweepStarted)]
    assert (started.trials, started.asked) == (9, 13)
    rungs = [[row for row in lines(found.path) if row["rung"] == rung] for rung in (1, 2, 3)]
    assert [len(rung) for rung in rungs] == [9, 3, 1]
    assert [{row["epochs"] for row in rung} for rung in rungs] == [{1}, {3}, {4}]
    for one, other in pairwise(rungs):
        best = sorted(one, key=lambda row: (row["value"], row["trial"]))[: len(other)]
        assert {row["trial"] for row in best} == {row["trial"] for row in other}
    (last,) = rungs[2]
    assert found.best == last
    assert unclocked(last["history"]) == unclocked(list(found.run.history))  # as if it had never stopped
    assert not (found.path / "states").exists()
    assert sorted(row["trial"] for row in found.table) == list(range(1, 10))


@pytest.mark.parametrize(
    ("given", "rungs"),
    [
        ((27, 81, 3, None), [3, 9, 27, None]),
        ((60, 40, 3, None), [1, 4, 13, None]),
        ((3, 40, 3, None), [13, None]),
        ((1000, 10, 10, None), [1, None]),
        ((9, 50, 3, 5), [5, 15, 45, None]),
    ],
)
def test_rungs(given: tuple[int, int, int, int | None], rungs: list[int | None]) -> None:
    assert rungs_of(*given) == rungs


@WITH_OPTUNA
def test_tpe_learns(write_spec: WriteSpec, capfd: pytest.CaptureFixture[str]) -> None:
    parameters = {
        RATE: {"low": 1e-6, "high": 1e-1, "log": True},
        "model.activation": ["relu", "tanh"],
        UNITS: [[1], 2][1:],
    }
    sweep = {"parameters": parameters, "search": {"type": "tpe", "trials": 24, "batch": 4}}
    found = numbann.sweep(write_spec(sweep=sweep, model={"layers": [4]}))
    rates = [row["parameters"][RATE] for row in found.table]
    assert np.median(rates[16:]) > np.median(rates[:8])
    assert "optuna" not in capfd.readouterr().err.lower()
    other = numbann.sweep(write_spec(sweep={**sweep, "search": {"type": "tpe", "trials": 24, "batch": 12}}))
    assert [row["parameters"][RATE] for row in other.table[:4]] == rates[:4]
    assert [row["parameters"][RATE] for row in other.table] != rates


def test_values_of_any_kind(write_spec: WriteSpec) -> None:
    parameters = {
        "model.layers": [[4], [4, 4], []],
        "optimizer": ["adam", {"type": "sgd", "momentum": 0.9}],
        "data.scale": ["standard", ["robust", "clip"]],
        "train.early_stopping": [None, True],
    }
    sweep = {"parameters": parameters, "search": "grid", "metric": "validation_accuracy"}
    found = numbann.sweep(write_spec(sweep=sweep, train={"epochs": 1}))
    assert len(found.table) == 24
    assert found.failed == []
    assert found.best["value"] == max(row["value"] for row in found.table)


def test_folds(write_spec: WriteSpec) -> None:
    spec = {"sweep": {**RANDOM, "folds": 3, "metric": "validation_accuracy"}, "data": {"split": {"test": 0.2}}}
    found = numbann.sweep(write_spec(**spec))
    row = found.table[0]
    assert [one["fold"] for one in row["folds"]] == [1, 2, 3]
    assert row["value"] == pytest.approx(np.mean([one["validation"]["accuracy"] for one in row["folds"]]))
    values = {RATE: row["parameters"][RATE], "model.layers[0].units": row["parameters"][UNITS]}
    cv = numbann.cross_validate(write_spec(data=spec["data"], sweep=None), folds=3, overrides=values)
    assert [one["validation"] for one in cv.folds] == [one["validation"] for one in row["folds"]]
    assert "validation" in found.run.metrics


# ---- what goes wrong


def test_a_trial_that_fails_is_a_row(write_spec: WriteSpec) -> None:
    data = {"target": "sum", "drop": ["colour"], "task": "regression", "target_scale": "none"}
    sweep = {"parameters": {RATE: [1e-3, 1e30]}, "search": "grid"}
    found = numbann.sweep(write_spec(data=data, optimizer={"type": "sgd"}, sweep=sweep))
    assert [("error" in row) for row in found.table] == [False, True]
    assert list(found.table[1]) == ["trial", "parameters", "error"]
    assert found.table[1]["error"].startswith("epoch 1: ")
    assert len(found.failed) == 1
    with pytest.raises(TrainingError, match="all trials failed; the first: epoch 1: "):
        numbann.sweep(write_spec(data=data, optimizer={"type": "sgd"}, sweep={"parameters": {RATE: [1e30, 2e30]}}))


def test_values_that_contradict_each_other(write_spec: WriteSpec) -> None:
    parameters = {"optimizer": ["adam", "lbfgs"], "model.dropout": [0.0, 0.5]}
    found = numbann.sweep(write_spec(sweep={"parameters": parameters, "search": "grid"}, train={"batch_size": "full"}))
    assert [row["trial"] for row in found.failed] == [4]
    assert "model.layers[0].dropout: lbfgs needs the same loss each time" in found.failed[0]["error"]


def test_a_metric_that_a_trial_lacks(write_spec: WriteSpec) -> None:
    parameters = {"train.metrics": [["accuracy"], ["f1_macro"]]}
    sweep = {"parameters": parameters, "search": "grid", "metric": "validation_accuracy"}
    found = numbann.sweep(write_spec(sweep=sweep))
    assert 'this trial has no "validation_accuracy" (it has: train_loss, validation_loss' in found.table[1]["error"]


@pytest.mark.parametrize(
    "sweep", [RANDOM, HALVING, pytest.param(TPE, marks=WITH_OPTUNA)], ids=["random", "halving", "tpe"]
)
def test_figures_that_are_no_numbers(
    write_spec: WriteSpec, sweep: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = trial._measure

    def measured(prepared: Any, engine: Any) -> dict[str, float]:
        found = measure(prepared, engine)
        return found if prepared.plan.layers[0].outputs > 2 else {**found, "accuracy": float("nan")}

    monkeypatch.setattr(trial, "_measure", measured)
    spec = {**sweep, "metric": "validation_accuracy"}
    found = numbann.sweep(write_spec(sweep=spec))
    assert {row["value"] is None for row in found.table if row["parameters"][UNITS] == 2} == {True}
    assert found.best["value"] == max(row["value"] for row in found.table if row["value"] is not None)


def test_a_best_trial_that_trains_to_other_figures(write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_measure", lambda prepared, engine: {"loss": 0.5})
    with pytest.raises(
        TrainingError, match=r"trial 1 has .* trained again .*: another machine or version has trained it"
    ):
        numbann.sweep(write_spec(sweep=RANDOM), output="out")
    assert len(lines(Path("out"))) == 6


def test_a_metric_of_the_training_part(write_spec: WriteSpec) -> None:
    found = numbann.sweep(write_spec(sweep={**RANDOM, "metric": "train_loss"}, data={"split": {"validation": 0}}))
    assert found.best["value"] == min(row["history"][-1]["train_loss"] for row in found.table)
    assert found.best["validation"] == {}


def test_what_is_refused(write_spec: WriteSpec) -> None:
    with pytest.raises(SpecError, match=r"sweep: missing; say what to try, such as"):
        numbann.sweep(write_spec())
    with pytest.raises(SpecError, match=r'sweep: numbann sweep trains its trials; leave it out \("sweep": null\)'):
        numbann.train(write_spec(sweep=RANDOM))
    with pytest.raises(SpecError, match="sweep: numbann sweep trains its trials, also by folds"):
        numbann.cross_validate(write_spec(sweep=RANDOM))
    with pytest.raises(RunDirectoryError, match=r"is not the directory of a sweep: it has no sweep\.manifest\.json"):
        numbann.resume_sweep(".")
    with pytest.raises(NumbannError, match='executor is "process"; give "threads", "processes"'):
        numbann.sweep(write_spec(sweep=RANDOM), executor="process")
    assert not Path("runs").exists()
    numbann.sweep(write_spec(sweep=RANDOM), output="out")
    with pytest.raises(RunDirectoryError, match="out: is a sweep; name the run of its best trial, out/best"):
        numbann.resume("out")
    with pytest.raises(RunDirectoryError, match="has a complete sweep; name another directory"):
        numbann.sweep(write_spec(sweep=RANDOM), output="out")
    again = numbann.sweep(write_spec(sweep={**RANDOM, "search": {"trials": 2}}), output="out", force=True)
    assert len(again.table) == len(lines(Path("out"))) == 2
    with pytest.raises(RunDirectoryError, match="is complete: its best trial is "):
        numbann.resume_sweep("out")


# ---- going on


class _Killed(BaseException):
    """Ends a sweep at once, as kill -9 does."""


@pytest.mark.parametrize("sweep", SEARCHES, ids=NAMES)
@pytest.mark.parametrize("after", [0, 4])
def test_a_killed_sweep_goes_on(write_spec: WriteSpec, sweep: dict[str, Any], after: int) -> None:
    spec = write_spec(sweep=sweep, data={"drop": ["sum"], "split": {"validation": 0.3}})
    expected = figures(numbann.sweep(spec, workers=1, output="whole"))
    ended = []

    def kill(event: Event) -> None:
        if isinstance(event, TrialEnded):
            ended.append(event)
        if len(ended) == after and isinstance(event, SweepStarted | TrialEnded):
            raise _Killed

    with pytest.raises(_Killed):
        numbann.sweep(spec, workers=1, output="part", callbacks=[kill])
    kept = Path("part/trials.jsonl")
    count = len(lines(Path("part"))) if kept.exists() else 0
    assert after <= count < len(lines(Path("whole")))
    with kept.open("a") as file:
        file.write('{"trial": 5, "parameters": {"optimizer.lear')  # cut off as it was written
    events: list[Event] = []
    found = numbann.resume_sweep("part", workers=2, callbacks=[events.append])
    assert figures(found) == expected
    assert len([event for event in events if isinstance(event, TrialEnded)]) == len(lines(Path("whole"))) - count
    assert {path.name for path in Path("part").iterdir()} == {path.name for path in Path("whole").iterdir()}


def test_states_that_are_lost_are_trained_again(write_spec: WriteSpec) -> None:
    def kill(event: Event) -> None:
        if isinstance(event, TrialEnded) and event.row["rung"] == 2:
            raise _Killed

    spec = write_spec(sweep=HALVING)
    expected = figures(numbann.sweep(spec, output="whole"))
    with pytest.raises(_Killed):
        numbann.sweep(spec, output="part", callbacks=[kill], workers=1)
    states = list(Path("part/states").iterdir())
    assert len(states) == 3
    for state in states:
        state.unlink()
    assert figures(numbann.resume_sweep("part")) == expected


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_kill_9(write_spec: WriteSpec) -> None:
    spec = write_spec(sweep=HALVING)
    expected = figures(numbann.sweep(spec, output="whole"))
    script = Path(__file__).parents[1] / "helpers" / "sweep_until_killed.py"
    path = os.pathsep.join([str(Path(numbann.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    arguments = [sys.executable, script, spec, "part", "11"]
    ended = subprocess.run(arguments, env={**os.environ, "PYTHONPATH": path}, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len(lines(Path("part"))) == 11
    assert figures(numbann.resume_sweep("part")) == expected


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_ctrl_c_ends_it(write_spec: WriteSpec, executor: str) -> None:
    def press(event: Event) -> None:
        if isinstance(event, SweepStarted):
            signal.raise_signal(signal.SIGINT)

    spec = write_spec(sweep=RANDOM, train={"epochs": 10**8})
    with pytest.raises(
        numbann.Interrupted, match="the trials that have ended are kept in out; resume with: numbann resume out"
    ):
        numbann.sweep(spec, output="out", executor=executor, callbacks=[press])


def test_ctrl_c_in_the_midst(write_spec: WriteSpec) -> None:
    def press(event: Event) -> None:
        if isinstance(event, TrialEnded):
            raise KeyboardInterrupt

    sweep = {"parameters": {"train.epochs": [1, 10**8, 10**8 + 1]}, "search": "grid"}
    with pytest.raises(numbann.Interrupted):
        numbann.sweep(write_spec(sweep=sweep), output="out", workers=2, callbacks=[press])
    assert [row["trial"] for row in lines(Path("out"))] == [1]


def test_plugins_run_if_they_are_trusted(write_spec: WriteSpec) -> None:
    Path("bent.py").write_text(PLUGIN)
    sweep = {"parameters": {"model.layers[0].activation": ["bent", "relu"]}, "search": "grid"}
    spec = write_spec(sweep=sweep, plugins=["bent.py"])
    expected = figures(numbann.sweep(spec, output="whole"))

    def kill(event: Event) -> None:
        if isinstance(event, TrialEnded):
            raise _Killed

    with pytest.raises(_Killed):
        numbann.sweep(spec, output="part", workers=1, callbacks=[kill])
    with pytest.raises(RunDirectoryError, match="part: its spec names plugins; import them, if you trust where"):
        numbann.resume_sweep("part")
    assert figures(numbann.resume_sweep("part", plugins=["bent.py"])) == expected
    with pytest.raises(_Killed):
        numbann.sweep(spec, output="more", workers=1, callbacks=[kill])
    assert figures(numbann.resume_sweep("more", trust=True)) == expected


def test_other_data(write_spec: WriteSpec) -> None:
    def kill(event: Event) -> None:
        if isinstance(event, TrialEnded):
            raise _Killed

    with pytest.raises(_Killed):
        numbann.sweep(write_spec(sweep=RANDOM), output="out", callbacks=[kill])
    path = Path("out/trials.jsonl")
    rows = path.read_text()
    path.write_text(rows.replace('"optimizer.learning_rate": 0.0', '"optimizer.learning_rate": 1.0'))
    with pytest.raises(RunDirectoryError, match="another version has begun it; sweep anew"):
        numbann.resume_sweep("out")
    path.write_text('{"trial": "1"}\n')
    with pytest.raises(RunDirectoryError, match=r"trials\.jsonl, line 1: is damaged"):
        numbann.resume_sweep("out")
    path.write_text(rows)
    Path("blobs.csv").write_text("\n".join(Path("blobs.csv").read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(RunDirectoryError, match="has changed since the sweep in out began"):
        numbann.resume_sweep("out")


# ---- trials alone, and time


def test_trials_that_are_trained_alone(write_spec: WriteSpec) -> None:
    spec = write_spec(sweep=RANDOM)
    expected = figures(numbann.sweep(spec, output="whole"))
    for number in (4, 2, 6):
        row = numbann.sweep_trial(spec, number, output="apart")
        assert unclocked(row) == unclocked(json.loads(Path(f"apart/trials/{number}.json").read_text()))
    assert not Path("apart/trials.jsonl").exists()
    found = numbann.resume_sweep("apart")
    assert figures(found) == expected
    assert sorted(row["trial"] for row in lines(Path("apart"))) == [1, 3, 5]
    with pytest.raises(RunDirectoryError, match="is of another sweep, or of other data"):
        numbann.sweep_trial(spec, 1, output="apart", seed=5)


@pytest.mark.parametrize(
    ("sweep", "trial", "message"),
    [
        (RANDOM, 7, "--trial: there is no trial 7; give a number from 1 to 6"),
        (RANDOM, 0, "--trial: there is no trial 0; give a number from 1 to 6"),
        ({**RANDOM, "search": "random", "minutes": 1}, -1, "--trial: there is no trial -1; give a number from 1"),
        (
            HALVING,
            1,
            "sweep.search: halving: its trials follow from the results of others; only those of grid and random",
        ),
    ],
)
def test_trials_that_there_are_not(write_spec: WriteSpec, sweep: dict[str, Any], trial: int, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        numbann.sweep_trial(write_spec(sweep=sweep), trial, output="out")
    assert not Path("out").exists()


def test_time_is_up(write_spec: WriteSpec) -> None:
    sweep = {"parameters": PARAMETERS, "minutes": 0.001}
    found = numbann.sweep(write_spec(sweep=sweep), output="out")
    assert 0 < len(found.table) < 500
    assert [row["trial"] for row in found.table] == list(range(1, len(found.table) + 1))
    assert json.loads(Path("out/sweep.manifest.json").read_text())["trials"] is None
    with pytest.raises(TrainingError, match=r"no trial has ended in time; give more sweep\.minutes"):
        numbann.sweep(write_spec(sweep={**sweep, "minutes": 1e-9}))


# ---- what is shared


def test_data_are_read_and_prepared_once(write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {"read": 0, "prepared": 0}
    read, prepare = sources.read, kept.SplitData.prepare

    def counted_read(*given: Any) -> Any:
        counts["read"] += 1
        return read(*given)

    def counted_prepare(*given: Any, **way: Any) -> Any:
        counts["prepared"] += 1
        return prepare(*given, **way)

    monkeypatch.setattr(sources, "read", counted_read)
    monkeypatch.setattr(kept.SplitData, "prepare", counted_prepare)
    numbann.sweep(write_spec(sweep=RANDOM), workers=3)
    assert counts == {"read": 1, "prepared": 2}  # the best is prepared as a run of its own
    counts.update(read=0, prepared=0)
    numbann.sweep(write_spec(sweep={"parameters": {"data.scale": ["standard", "minmax"]}}))
    assert counts == {"read": 3, "prepared": 4}
    counts.update(read=0, prepared=0)
    numbann.sweep(write_spec(sweep={**RANDOM, "folds": 2}))
    assert counts == {"read": 1, "prepared": 4}


def test_a_store_takes_the_last_of_several_lines(tmp_path: Path) -> None:
    files = store.Store(tmp_path)
    for value in (1.0, 2.0):
        files.append({"trial": 1, "parameters": {}, "value": value})
    assert [row["value"] for row in files.rows()] == [2.0]
