"""Turns: of several threads a few work at a time, those that are least far, so that all end at about the same time.

Five jobs on two processors, each of which does one thing after the other, take two and a half times as long as one, and
not three times.
"""

from __future__ import annotations

from threading import Condition, Event
from time import perf_counter

PIECE = 0.05  # seconds of work between two turns: many times what a change of threads costs
TICK = 0.1  # seconds between two looks at `stop`


class Turns:
    """Lets `most` threads work at a time.  stop: ends all waiting."""

    def __init__(self, most: int, stop: Event) -> None:
        self._free, self._stop = most, stop
        self._changed = Condition()
        self._waiting: dict[object, float] = {}  # how far those are that wait

    def begin(self) -> float:
        """Wait for a turn, with nothing done yet; return when it began."""
        with self._changed:
            return self._wait(0.0)

    def next(self, done: float, begun: float) -> float:
        """Give way to a thread that is less far, and wait for another turn; return when the turn began.

        done: how much of its work this thread has done, from 0 to 1.
        """
        if perf_counter() - begun < PIECE:
            return begun
        with self._changed:
            if all(other >= done for other in self._waiting.values()):
                return begun
            self._give()
            return self._wait(done)

    def end(self) -> None:
        """The work is done, or has failed."""
        with self._changed:
            self._give()

    def _wait(self, done: float) -> float:
        own = object()
        self._waiting[own] = done
        while not self._stop.is_set() and (self._free < 1 or min(self._waiting.values()) < done):
            self._changed.wait(TICK)
        del self._waiting[own]
        self._free -= 1
        self._changed.notify_all()
        return perf_counter()

    def _give(self) -> None:
        self._free += 1
        self._changed.notify_all()
