"""The choice of a number of threads, by timing the steps of training themselves.

The bits do not depend on threads, so an epoch may change their number at any step.  Each number is tried for a moment,
and the fastest does most of the work.  The others are tried again now and then: a machine's load changes, and so do the
processors that threads run on.
"""

from __future__ import annotations

from collections.abc import Sequence

from numbann.records import dataclass

TRIALS = 2  # measurements of each number before one is preferred
TRIAL_SECONDS = 1e-3  # how long a trial lasts, if a step is not longer
WAKING_SECONDS = 5e-3  # a shorter run after a change is not counted: its threads may have had to wake up
SOON, LATE = 20.0, 300.0  # work between two trials, as a multiple of a trial's time
BETTER = 0.97  # another choice must take less than this share of the best one's time, or noise would decide


@dataclass
class _Choice:
    """A number of threads, how often it was tried, and a step's seconds: in the last trial, or the least since it."""

    threads: int
    tried: int = 0
    seconds: float = float("inf")


class ThreadTuner:
    """Shares out steps to numbers of threads, and is told how long they took."""

    def __init__(self, choices: Sequence[int]) -> None:
        self._choices = [_Choice(threads) for threads in choices]
        self._best = self._choices[-1]
        self._last: _Choice | None = None  # what ran last
        self._waking: _Choice | None = None  # what runs again before it is measured
        self._worked, self._steps, self._patience = 0.0, 0, SOON  # what the best one did since the last trial

    def next(self, left: int) -> tuple[int, int]:
        """The number of threads for the next steps, and how many of the steps left they do."""
        if len(self._choices) == 1:
            return self._best.threads, left
        trial = self._waking or self._trial()
        chosen = self._best if trial is None else trial
        seconds = TRIAL_SECONDS if trial is not None else max(TRIAL_SECONDS, self._pause() - self._worked)
        return chosen.threads, max(1, int(min(seconds / self._fastest(), left)))

    def took(self, threads: int, steps: int, seconds: float) -> None:
        """Record that `steps` steps took `seconds`."""
        chosen = next(choice for choice in self._choices if choice.threads == threads)
        changed, self._last = chosen is not self._last, chosen
        short = steps * min(self._fastest(), seconds / steps) < WAKING_SECONDS  # as it were without waking
        self._waking = chosen if changed and short else None
        if self._waking is None:
            self._count(chosen, steps, seconds)

    def _count(self, chosen: _Choice, steps: int, seconds: float) -> None:
        """Count a measurement."""
        warming, each = chosen.tried < TRIALS, seconds / steps
        chosen.tried += 1
        if warming or chosen is not self._best:
            chosen.seconds = min(chosen.seconds, each) if warming else each
            self._choose_best(chosen)
            return
        chosen.seconds = min(chosen.seconds, each) if self._steps else each
        self._worked, self._steps = self._worked + seconds, self._steps + steps
        if any(choice.seconds < self._worked / self._steps for choice in self._choices if choice is not chosen):
            self._patience = SOON

    def _trial(self) -> _Choice | None:
        """The number of threads to try, if it is time for a trial."""
        least = min(self._choices, key=lambda choice: choice.tried)
        if least.tried < TRIALS:
            return least
        if self._worked < self._pause():
            return None
        return min((choice for choice in self._choices if choice is not self._best), key=lambda choice: choice.tried)

    def _fastest(self) -> float:
        """The seconds of a step of the fastest choice."""
        return min(choice.seconds for choice in self._choices)

    def _pause(self) -> float:
        """The seconds of work between two trials."""
        slowest = max(choice.seconds for choice in self._choices)
        return self._patience * max(TRIAL_SECONDS, slowest)

    def _choose_best(self, tried: _Choice) -> None:
        """Choose the best after a trial; the longer it stays the best, the rarer trials become."""
        best = min(self._choices, key=lambda choice: choice.seconds)
        changed = best is not self._best and best.seconds < BETTER * self._best.seconds
        self._patience = SOON if changed or tried.tried <= TRIALS else min(2 * self._patience, LATE)
        self._best = best if changed else self._best
        self._worked, self._steps = 0.0, 0
