"""Processes of this machine that do jobs, and end with the process that asked for them, however that ends."""

from __future__ import annotations

import os
import signal
import tempfile
from concurrent.futures import Future, ProcessPoolExecutor
from functools import lru_cache
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

from numbann.runner.cluster import Cluster
from numbann.runner.parcel import Parcel, Work, stop_all

GRACE = 1.0  # seconds for a job to end by itself, once nobody waits for it


class Processes(Cluster):
    """Some processes, each a fresh interpreter: threads and locks of this process do not survive a fork.

    Each holds the end of a pipe on which nothing is ever sent: that it is closed says that nobody waits any more.
    """

    def __init__(self, workers: int) -> None:
        context = get_context("spawn")
        heard, self._word = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(workers, context, _begin, (heard,))
        self._folder = tempfile.TemporaryDirectory(prefix="numbann-")
        self._files: dict[int, tuple[Work, str]] = {}

    def submit(self, work: Work, job: Any, /) -> Future[Any]:  # type: ignore[override]
        """Ask for a job."""
        return self._pool.submit(_do, self._file(work), job)

    def _file(self, work: Work) -> str:
        """Return the file of a work, which a process reads once."""
        if id(work) not in self._files:
            parcel = Parcel.of(work)
            path = Path(self._folder.name, parcel.name)
            path.write_bytes(parcel.content)
            self._files[id(work)] = work, str(path)
        return self._files[id(work)][1]

    def abandon(self) -> None:
        """End all jobs, and the processes."""
        self._word.close()

    def release(self) -> None:
        """Remove the files."""
        self._folder.cleanup()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes, once their jobs have ended."""
        self._pool.shutdown(wait, cancel_futures=cancel_futures)
        self.release()


def _begin(heard: Connection) -> None:
    """Begin a process.  Ctrl-C in a terminal goes to all processes: what it ends, that of the user decides."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with, args=(heard,), daemon=True).start()


def _end_with(heard: Connection) -> None:
    """Wait until nobody waits for this process, or the one that began it is no more; then end."""
    parent = parent_process()
    wait([heard] if parent is None else [heard, parent.sentinel])
    stop_all()
    sleep(GRACE)
    os._exit(1)


@lru_cache(maxsize=2)
def _read(file: str) -> Parcel:
    return Parcel(Path(file).read_bytes())


def _do(file: str, job: Any) -> Any:
    """Do a job of the work in a file."""
    return _read(file).do(job)
