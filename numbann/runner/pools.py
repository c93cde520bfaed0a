"""Where jobs run: threads of this process, in turns, processes of this machine, or an Executor of the user's."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from math import inf
from typing import Any

from numbann.errors import NumbannError, shown
from numbann.runner.cluster import Cluster
from numbann.runner.parcel import Work
from numbann.turns import Turns, result_of

THREADS, PROCESSES = "threads", "processes"


def check_executor(executor: Executor | str) -> None:
    """Refuse what is no place where jobs run."""
    if not isinstance(executor, Executor) and executor not in (THREADS, PROCESSES):
        raise NumbannError(
            f'executor is {shown(executor)}; give "{THREADS}", "{PROCESSES}", or a concurrent.futures.Executor'
        )


class Pool:
    """An Executor, and what to do when it has lost a worker: one of ours is made anew.

    workers: how many jobs are at work at a time; begun: how many may be begun, as memory allows.
    """

    def __init__(self, executor: Executor | str, workers: int, begun: float = inf) -> None:
        check_executor(executor)
        self._kind, self._workers, self._begun = executor, workers, begun
        self._executor = self._made()

    @property
    def ours(self) -> bool:
        """Whether it was made here, so that all of its jobs are lost if one of its workers is."""
        return not isinstance(self._kind, Executor)

    def _made(self) -> Executor:
        if isinstance(self._kind, Executor):
            return self._kind
        if self._kind == THREADS:
            return Turns(self._workers, self._begun)
        from numbann.runner.processes import Processes  # here, as the import takes a while

        return Processes(self._workers)

    def room(self, jobs: int) -> int:
        """Return how many of some jobs are asked for at a time: all, unless they are lost with a process of ours."""
        return self._workers if self._kind == PROCESSES else jobs

    def submit(self, work: Work, job: Any) -> Future[Any]:
        """Ask for a job."""
        if isinstance(self._executor, Cluster | Turns):
            return self._executor.submit(work, job)
        return self._executor.submit(result_of, work, job)

    def renew(self) -> None:
        """Replace an Executor that has lost a worker; the user's own stays as it is."""
        if self.ours:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = self._made()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def abandon(self) -> None:
        """End the jobs of a cluster, or of processes."""
        if isinstance(self._executor, Cluster):
            self._executor.abandon()

    def close(self) -> None:
        """End the workers, once their jobs have ended; the user's stay."""
        if self.ours:
            self._executor.shutdown(wait=True, cancel_futures=True)
        elif isinstance(self._kind, Cluster):
            self._kind.release()
