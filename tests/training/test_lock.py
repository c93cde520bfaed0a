"""The lock of a run directory: one holder at a time, who is named; what a dead process left behind locks nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from numbann.errors import RunDirectoryError
from numbann.training import lock as locking
from numbann.training.lock import NAME, lock

CODE = """from pathlib import Path
from numbann.training.lock import lock
with lock(Path('.')):
    print('in', flush=True)
    input()
"""


def start() -> subprocess.Popen[str]:
    """A process that takes the lock of the working folder, says so and waits."""
    piped = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", CODE], stdin=piped, stdout=piped, stderr=piped, encoding="utf-8")


def test_it_keeps_another_process_out_and_says_who_is_in(here: Path) -> None:
    with lock(here):
        other = start()
        assert other.communicate("")[0] == ""
        assert other.returncode == 1
    assert not (here / NAME).exists()
    with start() as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with (
            pytest.raises(RunDirectoryError, match=rf"training this run .it is {other.pid}.; wait for it"),
            lock(here),
        ):
            pass
        other.communicate("\n")


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal on this system")
def test_a_killed_process_locks_nothing(here: Path) -> None:
    with start() as other:
        assert other.stdout is not None
        other.stdout.readline()
        other.send_signal(signal.SIGKILL)
    assert str(other.pid) in (here / NAME).read_text()
    with lock(here):
        assert str(other.pid) not in (here / NAME).read_text()


@pytest.mark.parametrize("left", ["", str(os.getpid()), "1", "\0" * 5000], ids=["nothing", "our number", "1", "zeros"])
def test_what_was_left_behind_locks_nothing(here: Path, left: str) -> None:
    """The process of that number may live again, as another one."""
    (here / NAME).write_text(left)
    with lock(here):
        assert (here / NAME).read_text() == str(os.getpid())


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on this system")
@pytest.mark.parametrize("put", ["symlink_to", "hardlink_to"])
def test_a_link_in_the_lock_s_place_is_refused_and_what_it_names_stays(here: Path, put: str) -> None:
    """Whoever made the run directory may have put it there."""
    (here / "victim").write_text("mine")
    (here / "run").mkdir()
    getattr(here / "run" / NAME, put)(here / "victim")
    with pytest.raises(RunDirectoryError, match=r"\.lock: is a link, or no file"), lock(here / "run"):
        pass
    assert (here / "victim").read_text() == "mine"
    assert (here / "run" / NAME).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed on this system")
def test_a_file_that_its_holder_removed_is_not_taken_for_the_lock(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The holder ends between the opening of the file and its locking."""
    take, taken = locking.take, []

    def remove_first(handle: int) -> None:
        if not taken:
            (here / NAME).unlink()
        taken.append(handle)
        take(handle)

    monkeypatch.setattr(locking, "take", remove_first)
    with lock(here):
        assert len(taken) == 2
        with pytest.raises(RunDirectoryError), lock(here):
            pass


def test_many_in_turn(here: Path) -> None:
    """Every open file counts for itself, so threads are as good as processes."""
    inside, worst, entered = 0, 0, 0

    def enter() -> None:
        nonlocal inside, worst, entered
        for _ in range(200):
            try:
                with lock(here):
                    inside += 1
                    worst, entered = max(worst, inside), entered + 1
                    inside -= 1
            except RunDirectoryError:
                pass

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert worst == 1
    assert entered > 8
    assert not (here / NAME).exists()
