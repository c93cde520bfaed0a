"""Which number of threads is faster at the moment: found by timing the steps of training themselves.

The bits do not depend on threads, so an epoch may change their number as often as it likes.  Each number is tried for a
moment, the faster one does most of the work, and the others are tried again now and then, because a machine's load and
the places of its threads change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TRIALS = 2  # measurements of each number before one is preferred
TRIAL_SECONDS = 1e-3  # how long a trial lasts, if a step is not longer
SOON, LATE = 20.0, 1000.0  # work between two trials, as a multiple of a trial's time
BETTER = 0.97  # a challenger must take less than this share of the time


@dataclass
class _Choice:
    """A number of threads, how often it was tried, and the seconds of a step when it last was."""

    threads: int
    tried: int = 0
    seconds: float = float("inf")


class ThreadTuner:
    """Deals out steps to numbers of threads, and is told how long they took."""

    def __init__(self, choices: Sequence[int]) -> None:
        self._choices = [_Choice(threads) for threads in choices]
        self._best = self._choices[-1]
        self._last: _Choice | None = None  # what ran last
        self._waking: _Choice | None = None  # what runs again before it is judged
        self._worked, self._patience = 0.0, SOON

    def next(self, left: int) -> tuple[int, int]:
        """The number of threads that goes on, and for how many of the steps left."""
        if len(self._choices) == 1:
            return self._best.threads, left
        trial = self._waking or self._trial()
        chosen = self._best if trial is None else trial
        seconds = TRIAL_SECONDS if trial is not None else max(TRIAL_SECONDS, self._pause() - self._worked)
        fastest = min(choice.seconds for choice in self._choices)
        return chosen.threads, max(1, int(min(seconds / fastest, left)))

    def took(self, threads: int, steps: int, seconds: float) -> None:
        """So many steps took so long.  A short run after a change tells little: its threads may have had to wake up."""
        chosen = next(choice for choice in self._choices if choice.threads == threads)
        changed, self._last = chosen is not self._last, chosen
        self._waking = chosen if changed and seconds < TRIAL_SECONDS else None
        if self._waking is None:
            self._count(chosen, seconds, seconds / steps)

    def _count(self, chosen: _Choice, seconds: float, each: float) -> None:
        """Take a measurement into account: all seconds, and those of each step."""
        warming = chosen.tried < TRIALS
        chosen.tried += 1
        chosen.seconds = min(chosen.seconds, each) if warming else each
        if warming or chosen is not self._best:
            self._judge(chosen)
            return
        self._worked += seconds
        if any(choice.seconds < chosen.seconds for choice in self._choices):
            self._patience = SOON

    def _trial(self) -> _Choice | None:
        """The number of threads to try, if it is time for one."""
        least = min(self._choices, key=lambda choice: choice.tried)
        if least.tried < TRIALS:
            return least
        if self._worked < self._pause():
            return None
        return min((choice for choice in self._choices if choice is not self._best), key=lambda choice: choice.tried)

    def _pause(self) -> float:
        """Seconds of work between two trials."""
        slowest = max(choice.seconds for choice in self._choices)
        return self._patience * max(TRIAL_SECONDS, slowest)

    def _judge(self, tried: _Choice) -> None:
        """After a trial: the best, which is asked about less often the longer it stays the best."""
        best = min(self._choices, key=lambda choice: choice.seconds)
        changed = best is not self._best and best.seconds < BETTER * self._best.seconds
        self._patience = SOON if changed or tried.tried <= TRIALS else min(2 * self._patience, LATE)
        self._best = best if changed else self._best
        self._worked = 0.0
