"""Commands on several models: a table while they are trained, show, and cv."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from numbann_cli.group import numbann

WriteSpec = Callable[..., Path]


def called(*arguments: str, code: int = 0) -> Any:
    """What a command printed."""
    found = CliRunner().invoke(numbann, list(arguments))
    assert found.exit_code == code, found.output
    return found


def test_an_ensemble(write_spec: WriteSpec) -> None:
    out = called("train", str(write_spec(ensemble={"folds": 3, "refit": True})), "-o", "run").stdout
    assert "data   folds: the training rows are cut into 3" in out
    header = next(line for line in out.splitlines() if line.startswith("model  fold"))
    assert header.split() == ["model", "fold", "repeat", "best_epoch", "epochs", "seconds", "loss", "accuracy"]
    rows = [line.split()[:3] for line in out.split(header)[1].split("\n\n")[0].strip().splitlines()]
    assert rows == [*([str(k), str(k), "1"] for k in (1, 2, 3)), *([str(k), "all", "1"] for k in (4, 5, 6))]
    assert "models     3, best epoch " in out
    assert "3 trained anew on all rows, to epoch" in out
    assert "loss is the mean of theirs" in out
    page = called("show", "run").stdout
    assert header in page
    assert [line.split()[1] for line in page.split(header)[1].split("\n\n")[0].strip().splitlines()] == [
        *"123",
        *["all"] * 3,
    ]
    assert "validation loss" in page
    assert len(called("predict", "run", "blobs.csv", "--probabilities").stdout.splitlines()) == 121
    told = json.loads(called("evaluate", "run", "blobs.csv", "--json").stdout)
    assert told["rows"] == 120
    assert "is complete: its models are trained" in called("resume", "run", code=2).stderr
    for name in ("metrics.json", "model.safetensors"):
        (Path("run") / name).unlink()
    assert "model 1: 4 epochs\nmodel 2: 4 epochs" in called("show", "run").stdout
    found = json.loads(called("resume", "run", "--json").stdout)
    assert [one["fold"] for one in found["models"]] == [1, 2, 3]


def test_cv(write_spec: WriteSpec) -> None:
    out = called("cv", str(write_spec()), "--folds", "3", "--repeats", "2", "-o", "out.csv").stdout
    assert "run    6 models, " in out
    assert [line.split()[:3] for line in out.splitlines()[-11:-5]] == [
        [f"{k + 1}", f"{k % 3 + 1}", f"{k // 3 + 1}"] for k in range(6)
    ]
    assert not {"\r", "\x1b"} & set(out)  # a line a model, for a file or a pipe
    assert [line.split()[0] for line in out.splitlines()[-4:]] == ["mean", "deviation", "time", "written"]
    assert Path("out.csv").read_text().startswith("row,repeat,fold,target,prediction,p_blue,p_green,p_red\n")
    found = json.loads(called("cv", str(write_spec()), "--folds", "3", "--json", "-q").stdout)
    figures = {"folds", "mean", "deviation", "spec", "parameters"}
    assert set(found) == {*figures, "predictions", "warnings", "findings"}
    assert len(found["folds"]) == 3


def test_cv_of_a_data_file(write_spec: WriteSpec) -> None:
    write_spec()
    out = called("cv", "blobs.csv", "--target", "colour", "--folds", "2", "--set", "train.epochs=1").stdout
    assert "\nmean       loss" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--folds", "1"), "--folds"),
        (("--folds", "500"), "cannot be 500 folds; take fewer"),
        (("--set", "ensemble=3"), "an ensemble has folds of its own"),
        (("-o", "none/out.csv"), "none/out.csv: there is no folder none"),
    ],
)
def test_what_cv_refuses(write_spec: WriteSpec, arguments: tuple[str, ...], message: str) -> None:
    found = CliRunner().invoke(numbann, ["cv", str(write_spec()), *arguments])
    assert found.exit_code == 2
    assert message in found.stderr
