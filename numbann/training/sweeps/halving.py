"""Successive halving: all trials are trained for a few epochs, the best of them longer, and so on from rung to rung.

All trials of a rung are compared at once, and those that go on do so from where they stopped, to the bits of a training
that never stopped.  Jamieson and Talwalkar 2016, https://arxiv.org/abs/1502.07943.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from numbann.training.sweeps.search import Asked, Search, Told


def halve(trials: Sequence[Asked], rungs: Sequence[int | None], factor: int) -> Search:
    """Ask for all trials on the first rung, and for one of `factor` of them on each next.

    rungs: after how many epochs each ends; None: with the training.
    """
    left = list(trials)
    for rung, until in enumerate(rungs, 1):
        told = yield [replace(asked, rung=rung, until=until) for asked in left]
        best = {one.trial for one in ranked(told)[: count_of(len(trials), factor, rung)]}
        left = [asked for asked in left if asked.trial in best]
        if not left:
            return


def count_of(trials: int, factor: int, rung: int) -> int:
    """Return how many trials go on after a rung, where none fails; after 0 all."""
    return max(1, trials // factor**rung)


def ranked(told: Sequence[Told]) -> list[Told]:
    """Return those that did not fail, the best first; of equal ones the first that was asked for."""
    return sorted((one for one in told if one.cost is not None), key=lambda one: one.cost or 0.0)


def rungs_of(trials: int, epochs: int, factor: int, first: int | None) -> list[int | None]:
    """Return after how many epochs each rung ends; None for the last, which ends with the training.

    first: the end of the first rung; by default there are as many rungs as leave one trial, or a few, on the last.
    """
    ends: list[int] = []
    if first is not None:
        while first < epochs:
            ends.append(first)
            first *= factor
    else:
        count = trials
        while (count := count // factor) >= 1:
            ends.insert(0, epochs // factor ** (len(ends) + 1))
    return [*dict.fromkeys(end for end in ends if end), None]
