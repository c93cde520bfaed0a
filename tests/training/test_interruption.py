"""Ctrl-C and SIGTERM: a run stops between two steps and goes on from there, and no file is left half written."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from failing import CHECKPOINT, EAGER, SIGNALS, at_the_nth, press, same

import numbann
from numbann.engine.cpu.engine import Engine
from numbann.training import rundir
from numbann.training.callbacks import EpochEnded, Event, StepsDone
from numbann.training.interruption import find_interrupted
from numbann.training.saves import Saves

WriteSpec = Callable[..., Path]
RESTLESS = {"optimizer": {"learning_rate": 1.0}, "train": {"epochs": 4, "average": 0.9}}  # the first epoch is the best
ROUNDED = {"model": {"dtype": "bfloat16"}}


# ---- inside an epoch


@SIGNALS
@pytest.mark.usefixtures("pieces")
@pytest.mark.parametrize(
    "changes", [{}, {"schedule": "plateau"}, {"optimizer": {"type": "lamb"}}, RESTLESS, ROUNDED], ids=str
)
def test_a_run_goes_on_from_the_step_that_was_interrupted(write_spec: WriteSpec, changes: dict[str, Any]) -> None:
    spec = write_spec(**changes)
    whole = numbann.train(spec, output="whole")

    def interrupt(event: Event) -> None:
        if isinstance(event, StepsDone) and (event.epoch, event.done) == (3, 4):
            press()

    with pytest.raises(numbann.Interrupted) as caught:
        numbann.train(spec, output="parts", callbacks=[interrupt])
    assert str(caught.value) == (
        "the checkpoint after epoch 2 and 4 of 6 steps is kept in parts; resume with: numbann resume parts"
    )
    events: list[Event] = []
    run = numbann.resume("parts", callbacks=[events.append])
    assert next((event.epoch, event.done) for event in events if isinstance(event, StepsDone)) == (3, 5)
    same(whole, run)


@pytest.mark.usefixtures("pieces")
def test_checkpoints_are_written_by_time_inside_an_epoch(
    write_spec: WriteSpec, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 0 seconds between them after every piece; each of them gives the same model."""
    spec, files = write_spec(train={"epochs": 2}), []
    whole = numbann.train(spec, output="whole")
    write = rundir.RunDirectory.write

    def keep(directory: rundir.RunDirectory, name: str, *parts: bytes) -> None:
        write(directory, name, *parts)
        if name == CHECKPOINT:
            files.append(b"".join(parts))

    with monkeypatch.context() as patch:
        patch.setattr(rundir.RunDirectory, "write", keep)
        numbann.train(spec, output="parts", overrides={"train.checkpoint_seconds": 0})
    assert len(files) == 1 + 2 * (6 + 1)  # the beginning, every step, and the end of each epoch
    for content in files[:-1]:
        numbann.train(spec, output="parts", force=True, overrides={"train.epochs": 1})
        resolved = json.loads((here / "parts" / "spec.resolved.json").read_text())
        resolved["train"]["epochs"] = 2
        (here / "parts" / "spec.resolved.json").write_text(json.dumps(resolved))
        (here / "parts" / CHECKPOINT).write_bytes(content)
        same(whole, numbann.resume("parts"))


def test_the_seconds_between_checkpoints_are_free(write_spec: WriteSpec) -> None:
    """They change neither the model nor what a checkpoint belongs to."""
    one = numbann.train(write_spec(), output="one")
    other = numbann.train(write_spec(train={"checkpoint_seconds": 0.5}), output="other")
    same(one, other)
    assert numbann.resume("other", epochs=5).metrics == numbann.resume("one", epochs=5).metrics


# ---- signals


@SIGNALS
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kind", ["write", "fsync", "replace"])
@pytest.mark.parametrize("nth", [1, 3, 5, 8])
def test_signals_wait_until_files_are_written(
    write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch, number: int, kind: str, nth: int
) -> None:
    """Two in the same write, wherever it is: the run can be resumed to the same bytes, and the message is true."""
    spec = write_spec(train=EAGER)
    whole = numbann.train(spec, output="whole")
    handler = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch:
            at_the_nth(patch, kind, nth, "parts", lambda: (press(number), press(number)))
            with pytest.raises(numbann.Interrupted, match=r"after epoch|after the last step|is complete") as caught:
                numbann.train(spec, output="parts")
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert "complete" in str(caught.value) or "resume with: numbann resume parts" in str(caught.value)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    same(whole, numbann.resume("parts"))


@SIGNALS
def test_a_second_signal_does_not_wait_for_steps(write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first waits for the end of a step, which may never come; what was saved before stays."""
    spec, epoch = write_spec(), Engine.epoch

    def endless(engine: Engine, index: int, *given: Any) -> float:
        if index < 2:
            return epoch(engine, index, *given)
        press()
        press()
        raise AssertionError("the second did not come out")

    whole = numbann.train(spec, output="whole")
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "epoch", endless)
        with pytest.raises(numbann.Interrupted, match="after epoch 2 is kept in parts"):
            numbann.train(spec, output="parts")
    same(whole, numbann.resume("parts"))


@SIGNALS
def test_a_second_signal_while_the_first_is_saved(write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """It changes neither what is saved nor what is said."""
    spec, rescue = write_spec(), Saves.rescue
    whole = numbann.train(spec, output="whole")

    def pressed(event: Event) -> None:
        if isinstance(event, EpochEnded):
            press()

    with monkeypatch.context() as patch:
        patch.setattr(Saves, "rescue", lambda saves: (press(), rescue(saves))[1])
        with pytest.raises(numbann.Interrupted, match="after epoch 1 is kept in parts"):
            numbann.train(spec, output="parts", callbacks=[pressed])
    same(whole, numbann.resume("parts"))


@SIGNALS
@pytest.mark.parametrize("again", [False, True])
def test_a_resume_that_is_interrupted_before_its_first_step_keeps_the_run(
    write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """A second signal, while the engine is closed, hides nothing of it."""
    spec, load, close = write_spec(), Engine.load_data, Engine.__exit__
    numbann.train(spec, output="parts", overrides={"train.epochs": 2})
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "load_data", lambda engine, *given, **named: (press(), load(engine, *given, **named)))
        if again:
            patch.setattr(Engine, "__exit__", lambda engine, *raised: (close(engine, *raised), press())[0])
        with pytest.raises(KeyboardInterrupt) as caught:
            numbann.resume("parts", epochs=4)
    assert "nothing was written; the checkpoint in parts is kept; resume" in str(find_interrupted(caught.value))
    assert len(numbann.resume("parts", epochs=4).history) == 4


@SIGNALS
def test_a_signal_while_measuring_comes_out_and_nothing_is_lost(
    write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, evaluate = write_spec(), Engine.evaluate
    whole = numbann.train(spec, output="whole")

    def interrupted(engine: Engine, *given: Any) -> Any:
        if engine.steps_done == 18:  # all steps of the third epoch are done
            press()
        return evaluate(engine, *given)

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "evaluate", interrupted)
        with pytest.raises(
            numbann.Interrupted, match="the checkpoint after the last step of epoch 3, before its measures, is kept"
        ):
            numbann.train(spec, output="parts")
    same(whole, numbann.resume("parts"))


@SIGNALS
def test_a_handler_that_raises_nothing_lets_the_run_go_on(write_spec: WriteSpec) -> None:
    seen: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        run = numbann.train(write_spec(), output="out", callbacks=[lambda event: press()])
    finally:
        signal.signal(signal.SIGINT, handler)
    assert len(run.history) == 4
    assert len(seen) > 4


def test_a_run_in_another_thread_leaves_the_signals(write_spec: WriteSpec) -> None:
    spec, runs = write_spec(), []
    thread = threading.Thread(target=lambda: runs.append(numbann.train(spec, output="out")))
    thread.start()
    thread.join()
    assert len(runs) == 1
