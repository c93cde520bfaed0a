"""`numbann sweep`: a row for each trial, the best at the end, JSON, trials alone, show and resume."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from numbann_cli.models_table import ModelRows
from numbann_cli.sweep_table import TrialRows, best_lines, short_names

Numbann = Callable[..., Result]
WriteSpec = Callable[..., Path]
RATE, UNITS = "optimizer.learning_rate", "model.layers[*].units"
SWEEP: dict[str, Any] = {"parameters": {RATE: [0.01, 0.1], UNITS: [2, 4]}, "search": "grid"}


def test_what_it_prints(numbann: Numbann, write_spec: WriteSpec) -> None:
    out = numbann("sweep", write_spec(sweep=SWEEP), "-o", "out").stdout
    assert "sweep  out, 4 trials, " in out
    header = next(line for line in out.splitlines() if line.startswith("trial"))
    titles = ["trial", "learning_rate", "units", "best_epoch", "epochs", "seconds", "validation_loss", "best"]
    assert header.split() == titles
    rows = [line.split() for line in out.split(header)[1].split("\n\n")[0].strip().splitlines()]
    assert [row[:3] for row in rows] == [["1", "0.01", "2"], ["2", "0.01", "4"], ["3", "0.1", "2"], ["4", "0.1", "4"]]
    assert rows[0][-1] == "*"
    best = [line.split() for line in out.split(header)[2].split("\n\n")[0].strip().splitlines()]
    assert [float(row[6]) for row in best] == sorted(float(row[6]) for row in rows)
    last = out.splitlines()[-7:]
    assert [line.split()[0] for line in last] == ["best", "validation", "test", "time", "written", "next", "numbann"]
    page = numbann("show", "out").stdout
    assert "search     grid for less validation_loss" in page
    assert "trials     4 of 4, complete, " in page
    assert header in page
    assert "complete: its best trial is " in numbann("resume", "out").stderr
    assert numbann("show", "out/best").exit_code == 0
    assert numbann("train", "out/best.json").exit_code == 0
    assert "holds no model.safetensors; name that in it: out/best" in numbann("predict", "out", "blobs.csv").stderr


def test_what_a_narrow_console_leaves_out_is_said() -> None:
    values = [[64, 64], [32, {"units": 64, "activation": "relu"}]]
    rows = TrialRows({RATE: {"low": 1, "high": 2}, "model.layers": {"values": values}, UNITS: {"values": [2]}}, "loss")
    one = {"trial": 1, "parameters": {RATE: 1.5, "model.layers": values[0], UNITS: 2}, "value": 0.5, "epochs": 3}
    one |= {"best_epoch": 2, "seconds": 1.0}
    assert "left out" not in "".join(best_lines([one], rows, lower=True))
    for width, lacking in ((75, ""), (62, ""), (50, "units, ")):
        *lines, told = best_lines([one], replace(rows, width=width), lower=True)
        assert told == f"left out for want of room: {lacking}best_epoch, epochs, seconds"
        assert max(map(len, lines)) <= width


def test_a_figure_of_the_last_epoch_stands_beside_no_best_epoch() -> None:
    course = {"best_epoch": 2, "weights_epoch": 3, "epochs": 3, "seconds": 1.0}
    row = TrialRows({RATE: {"values": [1]}}, "loss").row({"trial": 1, "parameters": {RATE: 1}, "value": 0.5, **course})
    assert row.split() == ["1", "1", "-", "3", "1.00", "0.50000"]
    row = ModelRows(["loss"]).row({"model": 1, "fold": 1, "repeat": 1, **course, "loss": 0.5})
    assert row.split() == ["1", "1", "1", "-", "3", "1.00", "0.50000"]


def test_json(numbann: Numbann, write_spec: WriteSpec) -> None:
    found = json.loads(numbann("sweep", write_spec(sweep=SWEEP), "--json", "-q", "--workers", "1").stdout)
    assert set(found) == {"path", "best", "trials", "metrics", "warnings", "findings"}
    assert found["path"] == "runs/spec-sweep"
    assert [row["trial"] for row in found["trials"]] == [1, 2, 3, 4]


def test_trials_alone(numbann: Numbann, write_spec: WriteSpec) -> None:
    spec = write_spec(sweep=SWEEP)
    for trial in (3, 1):
        result = numbann("sweep", spec, "--trial", trial, "-o", "out")
        assert f"written    out/trials/{trial}.json" in result.stdout
    page = numbann("show", "out").stdout
    assert "trials     2 of 4, not complete; go on with: numbann resume out" in page
    resumed = numbann("resume", "out", "--workers", "1").stdout
    assert "4 trials, going on after 2 trainings, 1 at a time" in resumed
    assert "trials     4 of 4, complete" in numbann("show", "out").stdout


def test_a_data_file(numbann: Numbann, blobs: Path) -> None:
    given = ("--set", 'sweep={"parameters": {"train.batch_size": [8, 16]}}', "--set", "train.epochs=1")
    assert "\nbest       trial " in numbann("sweep", blobs, "--target", "colour", *given).stdout


def test_failed_trials(numbann: Numbann, write_spec: WriteSpec) -> None:
    data = {"target": "sum", "drop": ["colour"], "task": "regression", "target_scale": "none"}
    optimizer = {"type": "sgd", "learning_rate": 1e-3}
    some = write_spec(data=data, optimizer=optimizer, sweep={"parameters": {RATE: [1e-3, 1e30]}, "search": "grid"})
    result = numbann("sweep", some)
    assert result.exit_code == 0
    assert "warning: trial 2 failed: epoch 1" in result.stdout
    assert "1 of 2 trials failed; the first, trial 2: epoch 1" in result.stdout
    every = write_spec(data=data, optimizer=optimizer, sweep={"parameters": {RATE: [1e30]}})
    result = numbann("sweep", every)
    assert result.exit_code == 1
    assert "all trials failed; the first: epoch 1" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--trial", "1"), "--trial: name the directory that all trials share: -o DIR"),
        (("--trial", "5", "-o", "out"), "--trial: there is no trial 5; give a number from 1 to 4"),
        (("--trial", "1", "-o", "out", "--workers", "2"), "--trial: is one training; leave --force"),
        (("--workers", "0"), "--workers"),
        (("--set", "sweep=null"), "sweep: missing; say what to try"),
        (
            ("--set", "sweep.search=tp"),
            '--set sweep.search: sweep.search.type: "tp" is not allowed; did you mean "tpe"?',
        ),
        (("--set", "sweep.metric=validation_acc"), 'did you mean "validation_accuracy"?'),
        (("--set", "sweep.folds=500"), "--set sweep.folds: 102 rows cannot be 500 folds; take fewer"),
        (("-o", "spec.json"), "spec.json: is a file; name a new directory"),
        (("-o", "."), "exists already; name another directory"),
    ],
)
def test_what_it_refuses(
    numbann: Numbann, write_spec: WriteSpec, here: Path, arguments: tuple[str, ...], message: str
) -> None:
    spec = write_spec(sweep=SWEEP)
    before = sorted(here.rglob("*"))
    found = numbann("sweep", spec, *arguments)
    assert found.exit_code == 2
    assert message in found.stderr
    assert found.stdout == ""
    assert sorted(here.rglob("*")) == before


def test_a_sweep_in_its_place_is_gone_on_with(numbann: Numbann, write_spec: WriteSpec) -> None:
    spec = write_spec(sweep=SWEEP, train={"epochs": 1})
    assert "sweep  out, 1 trial, " in numbann("sweep", spec, "--trial", "1", "-o", "out").stdout
    refused = numbann("sweep", spec, "-o", "out").stderr
    assert "out: has a sweep that is not complete: numbann resume out goes on with it; name another" in refused
    assert numbann("resume", "out").exit_code == 0
    assert "out: has a complete sweep; name another" in numbann("sweep", spec, "-o", "out").stderr


def test_the_mean_of_folds_is_told_from_the_run_of_the_best(numbann: Numbann, write_spec: WriteSpec) -> None:
    spec = write_spec(sweep={**SWEEP, "folds": 2}, train={"epochs": 1})
    out = numbann("-q", "sweep", spec, "-o", "out").stdout
    metrics = json.loads(Path("out/best/metrics.json").read_text())
    best = json.loads(Path("out/sweep.manifest.json").read_text())["best"]
    row = next(
        one for one in map(json.loads, Path("out/trials.jsonl").read_text().splitlines()) if one["trial"] == best
    )
    assert f"fold mean  loss {row['validation']['loss']:#.5g}" in out
    assert f"validation loss {metrics['validation']['loss']:#.5g}" in out


def test_resume_of_a_run_has_no_workers(numbann: Numbann, write_spec: WriteSpec) -> None:
    numbann("train", write_spec(train={"epochs": 1}), "-o", "run")
    assert "is one run; --workers and --processes are for sweeps" in numbann("resume", "run", "--workers", "2").stderr


def test_rows_are_aligned(numbann: Numbann, write_spec: WriteSpec) -> None:
    parameters = {
        "model.layers": [[{"units": 4, "activation": "elu"}], [8, 8, 8, 8, 8, 8, 8, 8, 8, 8]],
        "optimizer": ["adam", {"type": "sgd", "momentum": 0.9}],
    }
    out = numbann("sweep", write_spec(sweep={"parameters": parameters, "search": "grid"})).stdout
    table = out[out.index("\ntrial  ") + 1 :].split("\n\n")[0]
    header, *rows = table.splitlines()
    ends = [header.index(title) + len(title) for title in ("trial", "layers", "optimizer", "seconds")]
    assert {row[end : end + 2] for row in rows for end in ends} == {"  "}
    assert "[4 activation elu]              adam" in rows[0]
    assert "[8, 8, 8, 8, 8, 8, 8, ..  sgd momentum 0.9  " in rows[3]


def test_names_of_columns() -> None:
    assert short_names([RATE, UNITS, "seed"]) == ["learning_rate", "units", "seed"]
    twice = ["model.layers[0].units", "model.layers[1].units"]
    assert short_names(twice) == twice
    assert short_names(["train.epochs", RATE]) == ["train.epochs", "learning_rate"]


@pytest.mark.parametrize(("width", "titles"), [(None, 7), (80, 6), (45, 3), (10, 3)])
def test_rows_fit_the_terminal(width: int | None, titles: int) -> None:
    rows = TrialRows({RATE: {"low": 0.1, "high": 1}, UNITS: {"values": [2, 4]}}, "validation_loss", width=width)
    assert len(rows.titles) == titles
    assert width in (None, 10) or len(rows.header()) <= width
