"""`run` gives jobs to an Executor, and their results back in the order of asking.

A job that fails is a result with its error.  A job whose worker was lost (BrokenExecutor) is tried again, alone, so
that one that kills its workers takes no other with it.  A job whose worker lacks what it needs (Lacking) is done by a
work that takes it along.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from math import inf
from typing import Any

from numbann.errors import ClusterError
from numbann.records import dataclass
from numbann.runner.parcel import Work
from numbann.runner.pools import THREADS, Pool

ATTEMPTS = 3  # for a job whose workers are lost
TICK = 0.1  # seconds between two calls of `idle`


class Lacking(Exception):
    """What a job raises that misses something where it is done, such as a file."""


@dataclass(frozen=True)
class Done:
    """A job that has ended: its place among those asked for, and its value or its error."""

    place: int
    value: Any = None
    error: Exception | None = None


def run(
    work: Work,
    jobs: Sequence[Any],
    executor: Executor | str | Pool = THREADS,
    *,
    workers: int = 1,
    begun: float = inf,
    idle: Callable[[], None] = lambda: None,
    stop: Callable[[], None] = lambda: None,
    ended: Callable[[Done], None] = lambda done: None,
    more: Callable[[], bool] = lambda: True,
    whole: Callable[[], Work] | None = None,
) -> Iterator[Done]:
    """Do work(job) for every job; yield each as soon as it and all before it have ended.

    executor: "threads", "processes", or any Executor; a process needs a work and jobs that can be pickled.  A Pool of
    these stays open for more jobs.  workers: how many jobs are at work at a time; begun: how many may be begun, in
    threads that take turns.
    idle: called in this thread all the while; what it raises ends the running.  stop: asks the jobs that run to end,
    when nobody waits for them any more.  ended: called with each job as soon as it has ended, in any order.
    more: asked while jobs wait; once it says no, none begins any more, and those that have not begun give no result.
    whole: makes the work for jobs that raise Lacking.  ClusterError ends the running, too, whoever raises it.
    """
    pool = executor if isinstance(executor, Pool) else Pool(executor, workers, begun)
    course = _Course(pool, work, jobs, ended, more, whole)
    try:
        yield from course.results(idle)
    except BaseException:
        stop()
        course.abandon()
        raise
    finally:
        if pool is not executor:
            pool.close()


class _Course:
    """The jobs on their way.  lost: those whose worker was lost, which go first, one at a time."""

    def __init__(
        self,
        pool: Pool,
        work: Work,
        jobs: Sequence[Any],
        tell: Callable[[Done], None],
        more: Callable[[], bool],
        whole: Callable[[], Work] | None,
    ) -> None:
        self._pool, self._jobs, self._most = pool, jobs, pool.room(len(jobs))
        self._tell, self._more, self._make_whole = tell, more, whole
        self._work: dict[int, Work] = dict.fromkeys(range(len(jobs)), work)
        self._whole: Work | None = None
        self._waiting, self._lost = deque(range(len(jobs))), deque[int]()
        self._running: dict[Future[Any], int] = {}
        self._ended: dict[int, Done] = {}
        self._tried = [0] * len(jobs)

    def results(self, idle: Callable[[], None]) -> Iterator[Done]:
        """Yield all jobs in the order of asking."""
        for place in range(len(self._jobs)):
            while place not in self._ended and (self._running or self._lost or self._waiting):
                self._ask()
                wait(self._running, TICK, FIRST_COMPLETED)
                idle()
                self._take()
            if place in self._ended:
                yield self._ended.pop(place)

    def abandon(self) -> None:
        """Take back the jobs that have not begun, and end those of a cluster."""
        for future in self._running:
            future.cancel()
        self._pool.abandon()

    def _ask(self) -> None:
        """Start as many jobs as may run; one that is tried again has no other beside it."""
        if not self._more():
            self._waiting.clear()
            self._running = {future: place for future, place in self._running.items() if not future.cancel()}
        while queue := self._lost or self._waiting:
            again = queue is self._lost or any(self._tried[place] > 1 for place in self._running.values())
            if len(self._running) >= (1 if again else self._most):
                return
            place = queue.popleft()
            self._tried[place] += 1
            try:
                self._running[self._pool.submit(self._work[place], self._jobs[place])] = place
            except BrokenExecutor as error:
                self._lose({place: error})

    def _take(self) -> None:
        """Take the jobs that have ended; those that ran beside a lost worker of ours are lost, too."""
        errors = {future: _error_of(future) for future in self._running if future.done()}
        if self._pool.ours and any(isinstance(error, BrokenExecutor) for error in errors.values()):
            wait(self._running)
            errors = {future: _error_of(future) for future in self._running}
        lost: dict[int, BrokenExecutor] = {}
        for future, error in errors.items():
            place = self._running.pop(future)
            if isinstance(error, BrokenExecutor):
                lost[place] = error
            elif isinstance(error, Lacking) and self._take_along(place):
                continue
            elif isinstance(error, ClusterError) or not isinstance(error, Exception | None):
                raise error
            else:
                self._end(Done(place, None if error else future.result(), error))
        if lost:
            self._lose(lost)

    def _take_along(self, place: int) -> bool:
        """Let a job be done again by the work that takes everything along; False if it was, or if there is none."""
        if self._whole is None and self._make_whole is not None:
            self._whole = self._make_whole()
        if self._whole is None or self._work[place] is self._whole:
            return False
        self._work[place] = self._whole
        self._tried[place] -= 1
        self._waiting.appendleft(place)
        return True

    def _lose(self, lost: dict[int, BrokenExecutor]) -> None:
        """Put lost jobs in front of the others, but those that were tried often enough."""
        for place, error in lost.items():
            if self._tried[place] < ATTEMPTS:
                self._lost.append(place)
            else:
                self._end(Done(place, None, error))
        self._pool.renew()

    def _end(self, done: Done) -> None:
        self._ended[done.place] = done
        self._tell(done)


def _error_of(future: Future[Any]) -> BaseException | None:
    """Return the error of a job that has ended; one that was cancelled is lost."""
    try:
        return future.exception()
    except CancelledError:
        return BrokenExecutor("the job was cancelled")
