"""Where jobs run: threads of this process, processes of this machine, or an Executor of the user's."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

from numbann.errors import NumbannError, shown

THREADS, PROCESSES = "threads", "processes"


def check_executor(executor: Executor | str) -> None:
    """Refuse what is no place where jobs run."""
    if not isinstance(executor, Executor) and executor not in (THREADS, PROCESSES):
        raise NumbannError(
            f'executor is {shown(executor)}; give "{THREADS}", "{PROCESSES}", or a concurrent.futures.Executor'
        )


class Pool:
    """An Executor, and what to do when it has lost a worker: one of ours is made anew."""

    def __init__(self, executor: Executor | str, workers: int) -> None:
        check_executor(executor)
        self._kind, self._workers = executor, workers
        self._executor = self._made()

    def _made(self) -> Executor:
        if isinstance(self._kind, Executor):
            return self._kind
        if self._kind == THREADS:
            return ThreadPoolExecutor(self._workers, thread_name_prefix="numbann-job")
        # a fresh interpreter: threads and locks of this process do not survive a fork
        return ProcessPoolExecutor(self._workers, multiprocessing.get_context("spawn"))

    def room(self, jobs: int) -> int:
        """Return how many of some jobs are asked for at a time: a user's Executor gets all at once."""
        return jobs if isinstance(self._kind, Executor) else self._workers

    def submit(self, work: Callable[..., Any], job: Any) -> Future[Any]:
        """Ask for a job."""
        return self._executor.submit(work, job)

    def renew(self) -> None:
        """Replace an Executor that has lost a worker; the user's own stays as it is."""
        if not isinstance(self._kind, Executor):
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = self._made()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers, once their jobs have ended; the user's stay."""
        if not isinstance(self._kind, Executor):
            self._executor.shutdown(wait=True, cancel_futures=True)
