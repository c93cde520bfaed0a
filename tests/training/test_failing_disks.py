"""Disks that fail and processes that were killed: at any moment a run's directory is complete or can be resumed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from failing import CHECKPOINT, EAGER, MODEL, at_the_nth, fail, same

import numbann
from numbann.errors import NumbannError, RunDirectoryError
from numbann.training import rundir

WriteSpec = Callable[..., Path]


# ---- disks that fail


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

    def fail(directory: rundir.RunDirectory, name: str, *parts: bytes) -> None:
        nonlocal count
        count += name == CHECKPOINT
        if count > 3:
            raise RunDirectoryError(f"{name}: cannot be written: No space left on device")
        write(directory, name, *parts)

    monkeypatch.setattr(rundir.RunDirectory, "write", fail)
    words = r"space left on device\nthe checkpoint after epoch \d.* is kept in out\nresume with: numbann resume out$"
    with pytest.raises(RunDirectoryError, match=rf"^{CHECKPOINT}: cannot be written: No {words}"):
        numbann.train(spec, output="out")


def test_a_run_that_was_cut_off_anywhere_is_finished(write_spec: WriteSpec, here: Path) -> None:
    """Killed between any two files: what is there is less than it should be, and never a contradiction."""
    spec = write_spec()
    whole = numbann.train(spec, output="whole")
    states: list[dict[str, bytes]] = []
    write, patch = rundir.RunDirectory.write, pytest.MonkeyPatch()

    def keep(directory: rundir.RunDirectory, name: str, *parts: bytes) -> None:
        states.append({path.name: path.read_bytes() for path in directory.path.iterdir() if path.name != ".lock"})
        write(directory, name, *parts)

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
