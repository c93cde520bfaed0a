"""Signals and failing files, at a chosen moment of a run, and whether two runs are the same."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

MODEL, CHECKPOINT = "model.safetensors", "checkpoint.safetensors"
EAGER = {"checkpoint_seconds": 0}
SIGNALS = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


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

        def writelines(self, parts: Iterable[bytes]) -> None:
            self.write(b"".join(parts))

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
