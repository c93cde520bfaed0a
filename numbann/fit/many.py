"""`fit_many` trains many jobs in one call, one thread each; each network has the bits that it has alone.

A thread takes a job, and works on it to its end.  Once fewer jobs wait than there are threads, all take turns, so that
they end at about the same time: five jobs on two threads take two and a half times as long as one, and not three times.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Lock
from time import perf_counter

import numpy as np

from numbann.engine.devices import DEFAULT, check_threads, device_of
from numbann.engine.shared.processors import available_cpus
from numbann.errors import NumbannError, ShapeError
from numbann.fit.fitting import Fitted, fit_by_epochs
from numbann.fit.job import Job
from numbann.fit.pause import Pause

PIECE = 0.05  # seconds of work between two turns: many times what a change costs


def fit_many(
    jobs: Iterable[Job],
    *,
    rows: Sequence[np.ndarray | None] | None = None,
    device: str = "auto",
    threads: int | str = "auto",
) -> list[Fitted]:
    """Train several jobs, such as networks of one plan with other seeds, rates or rows; return them in their order.

    rows: of each job, as of `fit`; None: all rows of every job.  threads: how many there are for all jobs together; a
    GPU trains one job at a time.  No bit depends on it, nor on the other jobs, whose data may be the same arrays.
    The error of a job ends the others too, and says which job it is.
    """
    jobs = _checked(jobs)
    check_threads(threads)
    if rows is not None and len(rows) != len(jobs):
        raise ShapeError(f"rows are those of {len(rows)} jobs; give those of {len(jobs)}, or None for all rows")
    on_gpu = device_of(device) is not DEFAULT
    most = min(available_cpus(), available_cpus() if threads == "auto" else int(threads))
    working = 1 if on_gpu else max(1, min(len(jobs), most))
    courses = _Courses(working)
    for place, job in enumerate(jobs):
        courses.add(place, job, None if rows is None else rows[place], device, threads if on_gpu else most // working)
    with ThreadPoolExecutor(working, "numbann-fit") as pool:
        asked = [pool.submit(courses.work) for _ in range(working)]
        try:
            for future in asked:
                future.result()
        finally:
            courses.stop.set()
    return [courses.fitted[place] for place in range(len(jobs))]


def _checked(given: Iterable[Job]) -> list[Job]:
    """The jobs as a list; TypeError for what is none."""
    if isinstance(given, str | Job) or not isinstance(given, Iterable):
        raise TypeError(f"jobs is a {type(given).__name__}; give a list of Jobs")
    jobs = list(given)
    for place, job in enumerate(jobs):
        if not isinstance(job, Job):
            raise TypeError(f"job {place + 1} of {len(jobs)} is a {type(job).__name__}; give Jobs")
    return jobs


@dataclass(order=True)
class _Course:
    """A job in progress: the share of its epochs that are done, its place, and what trains it on."""

    done: float
    place: int
    epochs: Iterator[float] = field(compare=False)


class _Courses(Pause):
    """Jobs in progress, shared out to threads that `work`."""

    def __init__(self, working: int) -> None:
        self.fitted: dict[int, Fitted] = {}
        self.stop = Event()
        self._working, self._lock = working, Lock()
        self._waiting: list[_Course] = []  # a heap, those that are least far first
        self._count = 0

    def add(self, place: int, job: Job, rows: np.ndarray | None, device: str, threads: int | str) -> None:
        """Add a job."""
        self._count += 1
        epochs = self._train(place, job, rows, device, threads)
        heapq.heappush(self._waiting, _Course(0.0, place, epochs))

    def due(self) -> bool:
        """Whether all end in the midst of an epoch: one has failed, or nobody waits for them any more."""
        return self.stop.is_set()

    def work(self) -> None:
        """Train jobs as long as there are any."""
        try:
            while (course := self._next()) is not None:
                self._advance(course)
        except BaseException:
            self.stop.set()
            raise

    def _train(self, place: int, job: Job, rows: np.ndarray | None, device: str, threads: int | str) -> Iterator[float]:
        try:
            self.fitted[place] = yield from fit_by_epochs(job, rows, device, threads, pause=self)
        except NumbannError as error:
            raise type(error)(f"job {place + 1} of {self._count}: {error}") from error.__cause__

    def _advance(self, course: _Course) -> None:
        """Train a job to its end, or until another one's turn."""
        begun = perf_counter()
        for done in course.epochs:
            course.done = done
            if self.stop.is_set():
                return
            if perf_counter() - begun >= PIECE and self._gives_way(course):
                return

    def _next(self) -> _Course | None:
        with self._lock, suppress(IndexError):
            return heapq.heappop(self._waiting)
        return None

    def _gives_way(self, course: _Course) -> bool:
        """Put a job back if few others wait, and one of them is less far."""
        with self._lock:
            given = 0 < len(self._waiting) < self._working and self._waiting[0].done < course.done
            if given:
                heapq.heappush(self._waiting, course)
            return given
