"""`compare` and `runs`: pages for people at 80 columns, and JSON for programs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from numbann_cli.runs_table import Row, _when, table

import numbann as library
from numbann.training.lock import lock

Numbann = Callable[..., Result]
WriteSpec = Callable[..., Path]


@pytest.fixture
def runs(write_spec: WriteSpec, here: Path) -> Path:
    """A folder with two runs, and folders that are none."""
    library.train(write_spec(), output="runs/first")
    library.train(write_spec(model={"layers": [4, 4]}, train={"epochs": 6}, seed=3), output="runs/second")
    (here / "runs" / "foreign").mkdir()
    (here / "runs" / "broken").mkdir()
    (here / "runs" / "broken" / "manifest.json").write_text("{")
    (here / "runs" / "notes.txt").write_text("")
    return here / "runs"


def test_compare(numbann: Numbann, runs: Path) -> None:
    page = numbann("compare", "runs/first", "runs/second", "runs/first/model.safetensors").stdout
    assert max(map(len, page.splitlines())) <= 80
    assert page.count("\n\n") == 0  # three fit beside each other
    assert page.splitlines()[0].endswith(".safetensors")
    page = numbann("compare", "runs/first", "runs/second").stdout
    rows = [line.split() for line in page.splitlines()]
    assert rows[0] == ["runs/first", "runs/second"]
    assert ["seed", "0", "3"] in rows
    assert ["model.layers[0].units", "8", "4"] in rows
    assert ["train.epochs", "4", "6"] in rows
    assert ["epochs", "4", "6"] in rows
    (added,) = (line for line in page.splitlines() if "model.layers[1]" in line)
    assert added.split()[:4] == ["model.layers[1]", "-", "4,", "relu,"]
    assert page.count("*") <= 4
    assert sum(row[:1] == ["accuracy"] for row in rows) == 3


def test_only_what_compares_has_a_mark(numbann: Numbann, write_spec: WriteSpec) -> None:
    library.train(write_spec(), output="first")
    library.train(write_spec(model={"layers": [2]}), output="small")
    library.train(write_spec(loss={"type": "softmax_cross_entropy", "label_smoothing": 0.3}), output="smooth")
    library.train(write_spec(data={"target": "sum", "drop": ["colour"]}), output="sum")
    library.train(write_spec(seed=1), output="drawn")
    library.train(write_spec(ensemble=2), output="ensemble")

    def page(*runs: str) -> tuple[str, list[str]]:
        lines = numbann("compare", *runs).stdout.splitlines()
        return "".join(line for line in lines if line.startswith("no *")), [
            line.split()[0] for line in lines if line.endswith("*") or ("* " in line and not line.startswith("no *"))
        ]

    said, marked = page("first", "small")
    assert not said
    assert "loss" in marked
    said, marked = page("first", "smooth")
    assert said == "no * at loss: other losses do not compare (loss)"
    assert "loss" not in marked
    assert page("first", "sum") == (
        "no *: figures of other rows or targets do not compare (data.target, data.task, data.split.stratify)",
        [],
    )
    assert page("first", "drawn") == ("no *: figures of other rows or targets do not compare (seed)", [])
    assert page("first", "ensemble")[0] == "no * at validation: its rows differ"


def test_compare_as_json(numbann: Numbann, runs: Path) -> None:
    found = json.loads(numbann("compare", "runs/first", "runs/second", "--json").stdout)
    assert [one["path"] for one in found["runs"]] == ["runs/first", "runs/second"]
    assert found["spec"]["seed"] == [0, 3]
    assert found["spec"]["model.layers[1]"][0] is None
    assert found["paired"] == []
    assert found["runs"][1]["units"] == [4, 4]


def test_compare_cross_validations(numbann: Numbann, write_spec: WriteSpec) -> None:
    for name, more in (("a", []), ("b", ["--set", "model.layers=[2]"]), ("c", ["--seed", "5"])):
        printed = numbann("cv", write_spec(), "--folds", "3", "--json", "-q", *more).stdout
        Path(f"{name}.json").write_text(printed)
    page = numbann("compare", "a.json", "b.json", "c.json").stdout
    assert "validation (mean)" in page
    head, *rest = page[page.index("b.json minus") :].splitlines()
    assert head == "b.json minus a.json, over 3 folds of the same rows"
    assert rest[0].split() == ["mean", "deviation", "better", "on"]
    assert rest[2].split()[0] == "accuracy"
    assert "no pairs: c.json and a.json have no fold of the same rows" in page
    found = json.loads(numbann("compare", "a.json", "b.json", "c.json", "--json").stdout)
    assert [(one["path"], one["minus"], one["folds"]) for one in found["paired"]] == [
        ("b.json", "a.json", 3),
        ("c.json", "a.json", 0),
    ]
    assert set(found["paired"][0]["differences"]["loss"]) == {"mean", "deviation", "better"}


def test_wrong_calls(numbann: Numbann, runs: Path) -> None:
    for arguments, message in (
        (("compare", "runs/first"), "runs/first is one; name another"),
        (("compare", "runs/first", "runs/none"), "runs/none: there is no such run directory or file"),
        (("compare", "runs/first", "runs/broken"), "manifest.json: is damaged: it is no JSON"),
        (("compare", "runs/first", "runs/foreign"), "is not a run directory: it has no manifest.json"),
        (("runs", "none"), "none: cannot be read: No such file or directory\n"),
        (("runs", "runs/first"), "runs/first is a run itself; numbann show runs/first sums it up"),
        (("runs", "--sort", "loss"), "'loss' is not one of 'when', 'name'"),
    ):
        found = numbann(*arguments)
        assert (found.exit_code, found.stdout) == (2, ""), arguments
        assert message in found.stderr
        assert "Traceback" not in found.stderr


def test_runs(numbann: Numbann, runs: Path) -> None:
    page = numbann("runs").stdout
    assert max(map(len, page.splitlines())) <= 80
    lines, reasons = page.split("\n\n")
    head, *rows = lines.splitlines()
    assert head.split()[:2] == ["run", "when"]
    assert {row.split()[0] for row in rows[:2]} == {"first", "second"}
    assert [row.split()[0] for row in rows[2:]] == ["broken", "foreign"]
    assert "manifest.json: is damaged: it is no JSON" in rows[2]
    assert "is not a run directory: it has no manifest.json" in rows[3]
    assert "foreign: is not a run directory: it has no manifest.json; if" in reasons
    assert "train anew with --force (force=True)" in " ".join(reasons.split())
    assert all("accuracy" in row and row.endswith("finished") for row in rows[:2])
    (second,) = (row for row in rows if row.startswith("second"))
    assert "4x2" in second
    assert numbann("runs", "--sort", "epochs").stdout.splitlines()[1].startswith("first")
    assert numbann("runs", "--sort", "model").stdout.splitlines()[1].startswith("second")


def test_a_folder_of_runs_among_others(numbann: Numbann, runs: Path) -> None:
    assert "has runs; numbann runs runs lists them" in numbann("runs", ".").stdout


def test_runs_by_what_they_are_worth(numbann: Numbann, runs: Path) -> None:
    metrics = Path("runs/first/metrics.json")
    metrics.write_text(json.dumps({**json.loads(metrics.read_text()), "test": {"loss": 9.0, "accuracy": 0.01}}))
    rows = numbann("runs", "--sort", "test").stdout.splitlines()
    assert [row.split()[0] for row in rows[1:5]] == ["second", "first", "broken", "foreign"]


def test_runs_as_json(numbann: Numbann, runs: Path) -> None:
    with lock(runs / "first"):
        found = {one["name"]: one for one in json.loads(numbann("runs", "--json").stdout)}
    assert found["first"]["state"] == "running"
    assert found["second"]["metrics"]["test"].keys() == {"loss", "accuracy"}
    assert found["foreign"]["state"] is None
    assert "manifest" in found["foreign"]["remark"]


def test_sweeps_are_known_by_their_best_runs(numbann: Numbann, write_spec: WriteSpec, here: Path) -> None:
    spec = write_spec(sweep={"parameters": {"optimizer.learning_rate": [0.01, 0.02]}}, train={"epochs": 1})
    library.sweep(spec, output="runs/sweep")
    library.train(write_spec(train={"epochs": 1}), output="runs/single")
    rows = {row.split()[0]: row for row in numbann("runs").stdout.splitlines() if row}
    assert rows["sweep"].endswith("finished")
    found = json.loads(numbann("compare", "runs/sweep", "runs/single", "--json").stdout)
    assert [one["kind"] for one in found["runs"]] == ["sweep", "run"]
    (here / "runs" / "sweep" / "best" / "manifest.json").unlink()
    assert "sweep: 2 of 2 trials; trial 1 is the best so far" in numbann("runs").stdout


def test_a_folder_without_runs(numbann: Numbann, here: Path) -> None:
    (here / "runs").mkdir()
    assert numbann("runs").stdout == "runs has no runs\n"
    assert json.loads(numbann("runs", "--json").stdout) == []


def test_long_names_are_cut(write_spec: WriteSpec, here: Path) -> None:
    from numbann.training.results import read_result

    name = "a-run-of-a-very-long-name-that-fills-the-line"
    library.train(write_spec(model={"layers": [8, 7, 6, 5, 4, 3, 2]}, train={"epochs": 1}), output=name)
    row = Row(here / name, read_result(name))
    for width in (60, 80, 120):
        lines = table([row, Row(here / "other", remark="is " + "not " * 40)], width).splitlines()
        assert max(map(len, lines)) <= width
        assert lines[1].startswith("a-run-of-a")
        assert lines[1].endswith("finished")
        told = [line for line in lines if line.startswith("left out for want of room: ")]
        assert ([] if "task" in lines[0] else ["task, model"]) == [line.split(": ")[1][:11] for line in told]


def test_times() -> None:
    now = datetime.now(UTC)
    assert _when(now.isoformat()).count(":") == 1
    assert _when((now - timedelta(days=800)).isoformat()).startswith("20")
    assert _when("soon") == "-"


def test_a_sweep_without_a_best_run(numbann: Numbann, write_spec: WriteSpec) -> None:
    """It is one that is trained, or can be resumed, also after its best run is lost and its last line is cut off."""
    sweep = {"parameters": {"optimizer.learning_rate": [0.01, 0.1]}, "search": "grid"}
    spec = write_spec(train={"epochs": 1}, sweep=sweep)
    numbann("sweep", spec, "--trial", "2", "-o", "runs/s")
    with lock(Path("runs/s")):
        (row,) = json.loads(numbann("runs", "--json").stdout)
        assert "another process trains it" in numbann("compare", "runs/s", "runs/s").stderr
    assert (row["state"], row["kind"], row["task"]) == ("running", "sweep", None)
    assert row["started"] is not None
    assert row["metrics"]["validation"].keys() == {"loss", "accuracy"}
    assert row["remark"] == "1 of 2 trials; trial 2 is the best so far"
    page = numbann("runs").stdout
    assert page.splitlines()[1].split()[-1] == "interrupted"
    assert "s: 1 of 2 trials; trial 2 is the best so far; numbann resume runs/s goes on" in " ".join(page.split())
    assert numbann("resume", "runs/s").exit_code == 0
    model = Path("runs/s/best/model.safetensors").read_bytes()
    shutil.rmtree("runs/s/best")
    trials = Path("runs/s/trials.jsonl")
    trials.write_bytes(trials.read_bytes()[:-5])
    assert "numbann resume runs/s goes on" in numbann("compare", "runs/s", "runs/s").stderr
    assert numbann("resume", "runs/s").exit_code == 0
    assert Path("runs/s/best/model.safetensors").read_bytes() == model


def test_what_a_finished_run_has_lost_is_told_and_written_anew(numbann: Numbann, write_spec: WriteSpec) -> None:
    for more, name in (({}, "one"), ({"ensemble": 2}, "several")):
        run = library.train(write_spec(train={"epochs": 1}, **more), output=f"runs/{name}").path
        for file in ("model.safetensors", "metrics.json"):
            before = (run / file).read_bytes()
            (run / file).unlink()
            remark = f"{name}: has no {file}; numbann resume {run} writes what is missing"
            assert remark in " ".join(numbann("runs").stdout.split())
            assert numbann("resume", run).exit_code == 0
            assert (run / file).read_bytes() == before
        assert "is complete" in numbann("resume", run).stderr


def test_what_is_no_model_is_named(numbann: Numbann, write_spec: WriteSpec) -> None:
    spec = write_spec(train={"epochs": 1})
    Path("cv.json").write_text(numbann("cv", spec, "--folds", "2", "--json", "-q").stdout)
    for file, what in (
        ("cv.json", "is the result of a cross-validation; numbann plot cv.json draws it"),
        ("spec.json", "is a spec; numbann check spec.json"),
        ("blobs.csv", "is a file of data; numbann data blobs.csv"),
    ):
        found = numbann("show", file)
        assert (found.exit_code, found.stdout) == (2, "")
        assert f"{file}: {what}" in found.stderr
