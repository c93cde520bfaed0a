"""Turns: an Executor whose works go on side by side in a few threads.

A work is a function that returns a generator, its course, which yields now and then how much of the work is done, from
0 to 1, and returns the result.  A thread takes a work, and goes on with it to its end.  Once fewer wait than there are
threads, all take turns, so that they end at about the same time: five works on two threads take two and a half times as
long as one, and not three times.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from math import inf
from threading import Lock
from time import perf_counter
from typing import Any

PIECE = 0.05  # seconds of work between two turns: many times what a change costs

Course = Generator[float, None, Any]


def result_of(work: Callable[..., Any], *given: Any) -> Any:
    """The result of a work, which goes on to its end at once."""
    with closing(_course(work, *given)) as course:
        while True:
            try:
                next(course)
            except StopIteration as end:
                return end.value


def _course(work: Callable[..., Any], *given: Any) -> Course:
    """The course of a work; that of a plain function, which returns its result, has no turns."""
    found = work(*given)
    return (yield from found) if isinstance(found, Generator) else found


def part_of(course: Course, place: int, parts: int) -> Course:
    """A course as one of some parts of a longer one, of which `place` are done."""
    while True:
        try:
            yield (place + next(course)) / parts
        except StopIteration as end:
            return end.value


@dataclass(order=True)
class _Work:
    """A work in progress: how much of it is done, its place among all, its course, and what is told of its end."""

    done: float
    place: int
    course: Course = field(compare=False)
    future: Future[Any] = field(compare=False, default_factory=Future)
    begun: bool = field(compare=False, default=False)


class Turns(Executor):
    """threads: how many there are.  begun: how many works may be begun at a time, as memory allows."""

    def __init__(self, threads: int, begun: float = inf) -> None:
        self._threads, self._most = threads, begun
        self._pool = ThreadPoolExecutor(threads, "numbann-work")
        self._lock, self._places = Lock(), count()
        self._waiting: list[_Work] = []  # a heap, those of which the least is done first
        self._begun = 0

    def submit(self, work: Callable[..., Any], /, *given: Any) -> Future[Any]:  # type: ignore[override]
        """Ask for a work."""
        asked = _Work(0.0, next(self._places), _course(work, *given))
        with self._lock:
            heapq.heappush(self._waiting, asked)
        self._pool.submit(self._end_one)
        return asked.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more works, cancel those that have not begun if asked to, and wait for the others' ends."""
        with self._lock:
            left = [work.future for work in self._waiting if cancel_futures and not work.begun]
        for future in left:
            future.cancel()
        self._pool.shutdown(wait)

    def _end_one(self) -> None:
        """Go on with works until one of them has ended: there is a call of this for each."""
        ended = False
        while not ended:
            with self._lock:
                work = heapq.heappop(self._waiting)
            ended = self._advance(work)

    def _advance(self, work: _Work) -> bool:
        """Go on with a work to its end, or until the turn of another one; return whether it has ended."""
        if not work.begun and not self._begin(work):
            return True
        begun = perf_counter()
        try:
            while True:
                work.done = next(work.course)
                if perf_counter() - begun >= PIECE and self._gives_way(work):
                    return False
        except StopIteration as end:
            self._end()
            work.future.set_result(end.value)
        except BaseException as error:
            self._end()
            work.future.set_exception(error)
        return True

    def _begin(self, work: _Work) -> bool:
        """Begin a work, unless it was cancelled."""
        work.begun = work.future.set_running_or_notify_cancel()
        with self._lock:
            self._begun += work.begun
        return work.begun

    def _end(self) -> None:
        with self._lock:
            self._begun -= 1

    def _gives_way(self, work: _Work) -> bool:
        """Put a work back if few others wait, and one of which less is done may go on."""
        with self._lock:
            first = self._waiting[0] if 0 < len(self._waiting) < self._threads else None
            given = first is not None and first.done < work.done and (first.begun or self._begun < self._most)
            if given:
                heapq.heappush(self._waiting, work)
            return given
