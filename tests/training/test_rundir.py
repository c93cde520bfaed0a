"""Names of run directories, atomic files, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from numbann.errors import RunDirectoryError
from numbann.training import rundir
from numbann.training.lock import NAME, lock


def test_names_count_up(here: Path) -> None:
    paths = [rundir.create(None, "wine", False).path for _ in range(3)]
    assert [str(path) for path in paths] == ["runs/wine", "runs/wine-2", "runs/wine-3"]


def test_a_file_is_whole_or_not_there(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = rundir.create("out", "wine", False)
    directory.write("metrics.json", b"old")
    monkeypatch.setattr(rundir.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(RunDirectoryError, match=r"metrics\.json: cannot be written: No space left"):
        directory.write("metrics.json", b"new")
    assert (directory.path / "metrics.json").read_bytes() == b"old"
    assert [path.name for path in directory.path.iterdir()] == ["metrics.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on this system")
def test_nothing_is_written_through_links(here: Path) -> None:
    """Whoever made the run directory may have put them there."""
    victim = here / "victim"
    victim.write_text("mine")
    (here / f".a.json.{os.getpid()}").symlink_to(victim)
    (here / "a.json").symlink_to(victim)
    (here / rundir.HISTORY).symlink_to(victim)
    directory = rundir.RunDirectory(here)
    directory.write("a.json", b"1")
    assert (here / "a.json").read_text() == "1"
    with pytest.raises(RunDirectoryError, match=r"history\.jsonl: cannot be written"), directory.history() as append:
        append({"epoch": 1})
    directory.write_history([{"epoch": 1}])
    assert "epoch" in (here / rundir.HISTORY).read_text()
    assert victim.read_text() == "mine"


def test_what_json_does_not_know_is_null(here: Path) -> None:
    directory = rundir.create("out", "wine", False)
    directory.write_json("metrics.json", {"test": {"r2": float("nan"), "rmse": 0.1}})
    assert json.loads((directory.path / "metrics.json").read_text()) == {"test": {"r2": None, "rmse": 0.1}}


def test_force_replaces_a_run_and_leaves_other_files(here: Path) -> None:
    directory = rundir.create("out", "wine", False)
    directory.write_json(rundir.MANIFEST, {})
    (directory.path / "notes.txt").write_text("mine")
    rundir.create("out", "wine", True).clear()
    assert [path.name for path in directory.path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(("force", "words"), [(False, "exists already"), (True, "is no run")])
def test_a_folder_of_someone_else_is_refused(here: Path, force: bool, words: str) -> None:
    (here / "out").mkdir()
    (here / "out" / "thesis.txt").write_text("")
    with pytest.raises(RunDirectoryError, match=words):
        rundir.check_output("out", force)


def test_a_file_in_the_way_is_refused(here: Path) -> None:
    (here / "out").write_text("")
    with pytest.raises(RunDirectoryError, match="is a file"):
        rundir.check_output("out", True)


def test_runs_as_a_file_is_refused(here: Path) -> None:
    (here / "runs").write_text("")
    with pytest.raises(RunDirectoryError, match="runs: cannot be made a run directory"):
        rundir.create(None, "wine", False)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "no such run"),
        ("folder", "has no manifest.json; if a run ended here"),
        ("file", "is a file"),
    ],
)
def test_what_is_no_run_cannot_be_opened(here: Path, name: str, words: str) -> None:
    (here / "folder").mkdir()
    (here / "file").write_text("")
    with pytest.raises(RunDirectoryError, match=words):
        rundir.open_existing(name)


def test_the_lock_keeps_another_process_out(here: Path) -> None:
    code = "from pathlib import Path; from numbann.training.lock import lock\nwith lock(Path('.')): print('in')"
    with lock(here):
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert other.returncode == 1
        assert f"another process is training this run (it is {os.getpid()}); wait" in other.stderr
    assert not (here / NAME).exists()
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout == "in\n"


def test_lists_of_numbers_stay_on_one_line() -> None:
    value = {"a": [[1, -2.5], [3e-30, 4]], "b": ["1,\n2"], "c": [], "d": [None, 1], "e": "[\n1]"}
    text = rundir.json_text(value, indent=2)
    assert json.loads(text) == value
    assert "\n    [1, -2.5],\n    [3e-30, 4]\n" in text
