"""What a shell completes, by Click's own mechanism."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numbann_cli.group
import pytest
from click.shell_completion import BashComplete


def completed(*words: str) -> list[str]:
    """What a shell offers for the last word."""
    shell = BashComplete(numbann_cli.group.numbann, {}, "numbann", "_NUMBANN_COMPLETE")
    return [item.value for item in shell.get_completions(list(words[:-1]), words[-1])]


@pytest.fixture(autouse=True)
def runs(here: Path) -> None:
    for name in ("wine", "wine-2", "iris"):
        (here / "runs" / name).mkdir(parents=True)
        (here / "runs" / name / "manifest.json").write_text("{}")
    (here / "runs" / "other").mkdir()


@pytest.mark.parametrize("command", ["resume", "predict", "evaluate"])
def test_runs(command: str) -> None:
    assert completed(command, "") == ["runs/iris", "runs/wine", "runs/wine-2"]
    assert completed(command, "runs/w") == ["runs/wine", "runs/wine-2"]
    assert completed(command, "model.safe") == ["model.safe"]  # as a file, which the shell then completes


def test_components() -> None:
    assert {"adam", "relu", "huber", "runs/iris"} <= set(completed("show", ""))
    assert set(completed("show", "adamw")) >= {"adamw"}


def test_keys_and_names() -> None:
    assert completed("train", "spec.json", "--set", "train.ep") == ["train.epochs="]
    assert completed("train", "spec.json", "--set", "data.split.v") == ["data.split.validation="]
    assert completed("check", "spec.json", "--set", "optimizer=adam") == [f"optimizer={name}" for name in ADAMS]
    assert {"train.select=", "train.early_stopping=", "model.layers="} <= set(completed("train", "s", "--set", ""))
    assert completed("train", "spec.json", "--set", "seed=") == []


ADAMS = ["adam", "adamax", "adamw"]


def test_commands() -> None:
    assert completed("pre") == ["predict"]


def test_it_imports_no_numba(start: Callable[..., subprocess.Popen[str]]) -> None:
    text = (
        "import os, sys; os.environ.update(_NUMBANN_COMPLETE='bash_complete', COMP_WORDS='numbann show rel', "
        "COMP_CWORD='2')\n"
        "from numbann_cli.group import numbann\n"
        "try: numbann.main(prog_name='numbann')\n"
        "finally: print(sorted({'numba', 'llvmlite'} & set(sys.modules)))"
    )
    process = start("-c", text)
    out, error = process.communicate(timeout=60)
    assert out.splitlines() == ["plain,relu", "plain,relu6", "file,rel", "[]"], error
