"""Works and jobs that the workers of a cluster import."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from numbann.runner import Lacking, Line


def square(job: int) -> int:
    """The square; 3 is an error."""
    if job == 3:
        raise ValueError("three")
    time.sleep(0.01)
    return job * job


def kill_once(job: tuple[str, int]) -> int:
    """Kill the worker the first time that job 2 is done."""
    folder, number = job
    marker = Path(folder) / "killed"
    if number == 2 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02)
    return number * 10


class Counted:
    """A work that leaves a file behind for each time that it is unpacked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rows = folder, bytes(1_000_000)

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        (self.folder / f"{os.getpid()}-{time.time_ns()}").touch()

    def __call__(self, job: int) -> int:
        """Say how much it holds."""
        time.sleep(0.01)
        return len(self.rows) + job


class Waiting:
    """A work that waits until it is told to stop, and leaves files behind at the beginning and at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.line = folder, Line()

    def __call__(self, job: int) -> None:
        """Wait."""
        (self.folder / f"begun-{job}").touch()
        while not self.line.stop.is_set():
            time.sleep(0.02)
        (self.folder / f"ended-{job}").touch()


class Choosy:
    """A work whose even jobs need something along."""

    def __init__(self, along: bool) -> None:
        self.along = along

    def __call__(self, job: int) -> tuple[int, bool]:
        """Say whether it was along."""
        if job % 2 == 0 and not self.along:
            raise Lacking(f"{job}")
        return job, self.along
