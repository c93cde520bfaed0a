"""What the command line prints of callbacks that stop a run, or fail in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from numbann.callbacks import EpochEnded, Event, ModelEnded, Started, Stop
from numbann.training import cross_validation, runs
from numbann.training.telling import Telling

Numbann = Callable[..., Result]
WriteSpec = Callable[..., Path]


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Event], Stop | None]], None]:
    """Add a callback to those of a spec."""

    def made(callback: Callable[[Event], Stop | None]) -> None:
        monkeypatch.setattr(runs, "make_all", lambda chosen: [callback])

    return made


def broken(event: Event) -> None:
    if isinstance(event, EpochEnded | ModelEnded):
        raise OSError("no route to host")


def test_a_reason_to_stop_is_printed(numbann: Numbann, write_spec: WriteSpec, add: Callable[..., None]) -> None:
    add(lambda event: Stop("it is good enough") if isinstance(event, EpochEnded) else None)
    out = numbann("train", write_spec(), "-o", "run").stdout
    assert "\nbest       epoch 1 of 4, stopped early after 1: it is good enough\n" in out
    assert "\nstopped    it is good enough\n" in numbann("show", "run").stdout
    found = json.loads(numbann("train", write_spec(), "-o", "again", "--json").stdout)
    assert (found["stopped"], found["epochs"]) == ("it is good enough", 1)


def test_one_that_fails_is_told_at_once_and_at_the_end(
    numbann: Numbann, write_spec: WriteSpec, add: Callable[..., None]
) -> None:
    add(broken)
    found = numbann("train", write_spec(), "-o", "run", "--json")
    assert found.exit_code == 1
    told = json.loads(found.stdout)
    message = "callback broken failed after epoch 1: OSError: no route to host"
    assert told["epochs"] == 4
    assert told["warnings"] == [f"{message}; the run goes on without it"]
    assert found.stderr.splitlines()[-1] == f"numbann: error: {message}; the training is complete"
    assert numbann("resume", "run", "--epochs", "5").exit_code == 1


def test_a_run_that_no_callback_lets_begin_leaves_nothing(
    numbann: Numbann, write_spec: WriteSpec, add: Callable[..., None]
) -> None:
    def refuse(event: Event) -> None:
        if isinstance(event, Started):
            raise OSError("no route to host")

    add(refuse)
    found = numbann("train", write_spec(), "-o", "run")
    assert found.exit_code == 1
    (line,) = found.stderr.splitlines()
    assert line.endswith(".refuse failed: OSError: no route to host; nothing is trained")
    assert not Path("run").exists()


def test_one_that_fails_in_a_cross_validation(
    numbann: Numbann, write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_validation, "calling", lambda callbacks: _Calling([*callbacks, broken]))
    found = numbann("cv", write_spec(), "--folds", "2", "-o", "out.csv", "--json")
    assert found.exit_code == 1
    assert len(json.loads(found.stdout)["folds"]) == 2
    assert Path("out.csv").exists()
    assert "callback broken failed: OSError: no route to host; the training is complete" in found.stderr


class _Calling(Telling):
    def __enter__(self) -> Telling:
        return self

    def __exit__(self, *_: object) -> None:
        pass
