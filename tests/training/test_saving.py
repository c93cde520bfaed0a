"""What a run keeps when it is interrupted or fails: at any moment its directory is complete or can be resumed."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import numbann
from numbann.engine.cpu.engine import Engine
from numbann.engine.cpu.thread_tuning import ThreadTuner
from numbann.engine.shared import report
from numbann.errors import NumbannError, RunDirectoryError, TrainingError
from numbann.training import rundir
from numbann.training.callbacks import EpochEnded, Event, StepsDone
from numbann.training.interruption import find_interrupted
from numbann.training.saves import Saves

WriteSpec = Callable[..., Path]
MODEL, CHECKPOINT = "model.safetensors", "checkpoint.safetensors"
EAGER = {"checkpoint_seconds": 0}
SIGNALS = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs in pieces of a step, with a report after each."""
    monkeypatch.setattr(report, "SECONDS", 0)
    monkeypatch.setattr(ThreadTuner, "next", lambda tuner, left: (1, 1))


def press(number: int = signal.SIGINT) -> None:
    """Send a signal to this process, as Ctrl-C does; it arrives before the next line."""
    os.kill(os.getpid(), number)


def without_seconds(run: Any) -> list[dict[str, Any]]:
    return [{key: value for key, value in record.items() if key != "seconds"} for record in run.history]


def same(whole: Any, run: Any) -> None:
    """Whether two runs have the same model, history and metrics, and the file of the second's history is right."""
    lines = (run.path / "history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == list(run.history)
    assert (whole.path / MODEL).read_bytes() == (run.path / MODEL).read_bytes()
    assert without_seconds(whole) == without_seconds(run)
    assert whole.metrics == run.metrics
    assert not [path.name for path in run.path.glob(".*")]
    assert json.loads((run.path / "manifest.json").read_text())["finished"]


# ---- inside an epoch


@SIGNALS
@pytest.mark.usefixtures("pieces")
@pytest.mark.parametrize("changes", [{}, {"schedule": "plateau"}, {"optimizer": {"type": "lamb"}}], ids=str)
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

    def keep(directory: rundir.RunDirectory, name: str, content: bytes) -> None:
        write(directory, name, content)
        if name == CHECKPOINT:
            files.append(content)

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
            with pytest.raises(numbann.Interrupted, match=r"after epoch|is complete") as caught:
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
        with pytest.raises(numbann.Interrupted, match="after epoch 2 and 6 of 6 steps"):
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


# ---- disks that fail


def at_the_nth(
    patch: pytest.MonkeyPatch,
    kind: str,
    nth: int,
    folder: str,
    act: Callable[[], object],
    count: list[int] | None = None,
) -> None:
    """Act in the nth write, flush or rename of files in a folder; count[0] is how many there were."""
    counted, done = count if count is not None else [0], {"open": Path.open, "fsync": os.fsync, "replace": os.replace}

    def note(path: str) -> None:
        if folder in str(path):
            counted[0] += 1
            if counted[0] == nth:
                act()

    class Writing:
        """A file whose writes are noted: half of one that fails is written."""

        def __init__(self, file: Any) -> None:
            self.file = file

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

        def __enter__(self) -> Writing:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def write(self, content: bytes) -> int:
            try:
                note(self.file.name)
            except OSError:
                self.file.write(content[: len(content) // 2])
                raise
            return self.file.write(content)

    def fsync(handle: int) -> None:
        note(os.readlink(f"/proc/self/fd/{handle}"))
        done["fsync"](handle)

    def replace(one: Any, other: Any) -> None:
        note(other)
        done["replace"](one, other)

    if kind == "write":
        patch.setattr(Path, "open", lambda path, mode="r", **given: opened(path, mode, given))
    else:
        patch.setattr(os, kind, {"fsync": fsync, "replace": replace}[kind])

    def opened(path: Path, mode: str, given: dict[str, Any]) -> Any:
        file = done["open"](path, mode, **given)
        return Writing(file) if mode != "r" else file


def fail() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.skipif(sys.platform != "linux", reason="finds the names of open files in /proc")
@pytest.mark.parametrize("begun", [False, True], ids=["new", "in the place of another"])
@pytest.mark.parametrize("kind", ["write", "fsync", "replace"])
def test_every_failing_write_leaves_what_can_be_resumed(
    write_spec: WriteSpec, here: Path, monkeypatch: pytest.MonkeyPatch, kind: str, begun: bool
) -> None:
    spec = write_spec(train={**EAGER, "epochs": 2})
    whole = numbann.train(spec, output="whole")
    nth, failed = 0, 0
    while True:
        nth, count = nth + 1, [0]
        out = here / f"out-{nth}"
        if begun:
            numbann.train(spec, output=out, seed=1)
        with monkeypatch.context() as patch:
            at_the_nth(patch, kind, nth, out.name, fail, count)
            try:
                run = numbann.train(spec, output=out, force=begun)
                break
            except NumbannError as error:
                failed += 1
                message = str(error)
        assert "No space left on device" in message
        assert str(out) in message
        if out.exists():
            assert not list(out.glob(".*"))
            same(whole, finished(spec, out))
        else:
            same(whole, numbann.train(spec, output=out))
    same(whole, run)
    assert count[0] < nth
    assert failed > 10


def finished(spec: Path, path: Path) -> Any:
    """Resume a run; one whose last flush of the folder failed is complete, and is trained again."""
    try:
        return numbann.resume(path)
    except RunDirectoryError as error:
        if "is complete" not in str(error):
            raise
    model = (path / MODEL).read_bytes()
    run = numbann.train(spec, output=path, force=True)
    assert (path / MODEL).read_bytes() == model
    return run


# ---- half-made runs and remains of killed processes


def test_a_disk_that_is_full_from_some_moment_on_leaves_words_about_the_checkpoint(
    write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, spec, count = rundir.RunDirectory.write, write_spec(train=EAGER), 0

    def fail(directory: rundir.RunDirectory, name: str, content: bytes) -> None:
        nonlocal count
        count += name == CHECKPOINT
        if count > 3:
            raise RunDirectoryError(f"{name}: cannot be written: No space left on device")
        write(directory, name, content)

    monkeypatch.setattr(rundir.RunDirectory, "write", fail)
    words = r"space left on device\nthe checkpoint after epoch 1 is kept in out\nresume with: numbann resume out$"
    with pytest.raises(RunDirectoryError, match=rf"^{CHECKPOINT}: cannot be written: No {words}"):
        numbann.train(spec, output="out")


def test_a_run_that_was_cut_off_anywhere_is_finished(write_spec: WriteSpec, here: Path) -> None:
    """Killed between any two files: what is there is less than it should be, and never a contradiction."""
    spec = write_spec()
    whole = numbann.train(spec, output="whole")
    states: list[dict[str, bytes]] = []
    write, patch = rundir.RunDirectory.write, pytest.MonkeyPatch()

    def keep(directory: rundir.RunDirectory, name: str, content: bytes) -> None:
        states.append({path.name: path.read_bytes() for path in directory.path.iterdir() if path.name != ".lock"})
        write(directory, name, content)

    with patch.context() as inner:
        inner.setattr(rundir.RunDirectory, "write", keep)
        numbann.train(spec, output="whole", force=True)
    for number, files in enumerate(states):
        out = here / f"cut-{number}"
        out.mkdir()
        for name, content in files.items():
            (out / name).write_bytes(content)
        (out / f".{CHECKPOINT}.12345").write_bytes(b"half")
        if CHECKPOINT in files:
            (out / "history.jsonl").write_bytes((here / "whole" / "history.jsonl").read_bytes()[:-7])  # later, and torn
        if "manifest.json" in files:
            same(whole, numbann.resume(out))
        else:
            with pytest.raises(RunDirectoryError, match="train anew with --force"):
                numbann.resume(out)
        same(whole, numbann.train(spec, output=out, force=True))
    assert [sorted(files) for files in states[:3]] == [[], ["spec.resolved.json"], ["spec.json", "spec.resolved.json"]]
    assert len(states) > 6


def test_a_checkpoint_that_was_removed_is_not_trained_anew(write_spec: WriteSpec, here: Path) -> None:
    numbann.train(write_spec(), output="out")
    (here / "out" / CHECKPOINT).unlink()
    with pytest.raises(RunDirectoryError, match="no checkpoint to go on from"):
        numbann.resume("out")


def test_the_manifest_says_whether_a_run_is_complete(write_spec: WriteSpec, here: Path) -> None:
    whole = numbann.train(write_spec(), output="out")
    manifest, before = here / "out" / "manifest.json", (here / "out" / MODEL).read_bytes()
    with pytest.raises(RunDirectoryError, match="is complete"):
        numbann.resume("out")
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "finished": None}))
    (here / "out" / MODEL).write_bytes(b"of an earlier time")
    same(whole, numbann.resume("out"))
    assert (here / "out" / MODEL).read_bytes() == before


@pytest.mark.parametrize("damage", ["", "[" * 9000, "{}", '{"format": 2, "data": 3}', "null", '{"format": "\\ud800"}'])
def test_a_damaged_manifest_is_named(write_spec: WriteSpec, here: Path, damage: str) -> None:
    numbann.train(write_spec(), output="out")
    (here / "out" / "manifest.json").write_text(damage)
    with pytest.raises(RunDirectoryError, match=r"manifest\.json: "):
        numbann.resume("out", epochs=9)


# ---- numbers that are not finite


REGRESSION = {"target": "sum", "drop": ["colour"], "task": "regression", "scale": "none", "target_scale": "none"}


@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 3e38), ("rmsprop", 3e38)])
def test_weights_that_are_not_finite_are_never_a_model(write_spec: WriteSpec, optimizer: str, rate: float) -> None:
    """One step on all rows and no validation part: no loss is measured after it."""
    spec = write_spec(
        data={**REGRESSION, "split": {"validation": 0, "test": 0}},
        optimizer={"type": optimizer, "learning_rate": rate},
        train={"epochs": 1, "batch_size": "full"},
    )
    with pytest.raises(TrainingError, match=r"(?s)epoch 1: after step 1 of 1: .*layer.*e\+38.*epoch 0 is kept in out"):
        numbann.train(spec, output="out")
    assert not Path("out", MODEL).exists()


def test_weights_that_give_no_finite_loss_are_no_model(write_spec: WriteSpec) -> None:
    """Though they are finite: the step was as long as the largest number."""
    spec = write_spec(
        data={**REGRESSION, "split": {"validation": 0, "test": 0}},
        optimizer={"type": "lion", "learning_rate": 3e38},
        train={"epochs": 1, "batch_size": "full"},
    )
    with pytest.raises(TrainingError, match=r"epoch 1: the loss on all training rows is \w+: all weights are finite"):
        numbann.train(spec, output="out")
    assert not Path("out", MODEL).exists()


@pytest.mark.usefixtures("pieces")
def test_a_run_ends_within_a_piece_of_the_epoch(write_spec: WriteSpec) -> None:
    """And names the step; the checkpoint before is kept, and goes on with other settings or the same end."""
    spec = write_spec(data=REGRESSION, optimizer={"type": "sgd", "learning_rate": 1e30}, train=EAGER)
    with pytest.raises(
        TrainingError, match=r"(?s)epoch 1: .* step 2 of 6: .*all layers are not finite.*and 1 of 6"
    ) as caught:
        numbann.train(spec, output="out")
    with pytest.raises(TrainingError) as again:
        numbann.resume("out")
    assert str(again.value) == str(caught.value)


PLUGIN = '''
from math import nan
from numbann import hookimpl, optimizer, schedule, metric, initializer
import numpy as np

@optimizer
def late(w, g, step, learning_rate=0.01):
    """Fails at the tenth step."""
    return w - learning_rate * g if step < 10 else w * nan

@schedule
def broken_schedule(step):
    """Fails in the second epoch."""
    return 1.0 / (step < 6)

@metric
def broken_metric(t, label):
    """Fails."""
    return t.no_such_thing

@metric
def leaving_metric(t, label):
    """Leaves."""
    raise SystemExit

@metric
def text_metric(t, label):
    """Is no number."""
    return "good"

@schedule
def text_schedule(step):
    """Is no number."""
    return "fast"

@initializer
def broken_start(shape, random):
    """Fails."""
    return np.full(shape, np.nan)

@optimizer(form="matrix")
def broken_matrix(w, g, step, learning_rate=0.01):
    """Fails at the third step."""
    w -= learning_rate * g[:, :1 + 10 * (step < 3)] if step < 3 else g["x"]

@hookimpl
def numbann_register(register):
    for one in (late, broken_schedule, broken_metric, leaving_metric, text_metric, text_schedule):
        register(one)
    for one in (broken_start, broken_matrix):
        register(one)
'''


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optimizer": {"type": "late"}}, r"epoch 2: .*not finite.*optimizer \"bad.py:late\" of .*\n.*after epoch 1 "),
        (
            {"schedule": "broken_schedule"},
            r"schedule \"broken_schedule\" of .*ZeroDivisionError.*bad\.py:14.*\n.*epoch 1 ",
        ),
        ({"train": {"metrics": ["broken_metric"]}}, r"metric \"broken_metric\" of .*AttributeError.*bad\.py:19"),
        ({"model": {"init": "broken_start"}}, r"the initial weights of all layers are not finite"),
        ({"optimizer": {"type": "broken_matrix"}}, r"optimizer \"broken_matrix\" of .*IndexError.*bad\.py:44"),
        ({"train": {"metrics": ["text_metric"]}}, r"metric \"text_metric\" of .*float: 'good' \(.*bad\.py:26\)"),
        ({"schedule": "text_schedule"}, r"schedule \"text_schedule\" of .*float: .*fast.*bad\.py:31\)"),
        ({"train": {"metrics": ["leaving_metric"]}}, r"metric \"leaving_metric\" of .*SystemExit.*bad\.py:24"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_a_plugin_that_fails_is_named(write_spec: WriteSpec, here: Path, changes: Any, words: str) -> None:
    (here / "bad.py").write_text(PLUGIN)
    with pytest.raises(TrainingError, match=f"(?s){words}"):
        numbann.train(write_spec(**changes, plugins=["bad.py"]), output="out")
    assert not (here / "out" / MODEL).exists()
