"""The space of a sweep: the values of its keys, point by point as a grid, or drawn at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import exp, log
from typing import Any

import numpy as np

from numbann.network import random
from numbann.spec.model import Sweep, Values
from numbann.spec.sweeping import size_of

Point = dict[str, Any]  # a value for each key
SHUFFLED = 100_000  # points of a space that are drawn without repetition


class Space:
    """The values that each key may have, in the order of the spec.  seed: of what is drawn."""

    def __init__(self, sweep: Sweep, seed: int) -> None:
        self.parameters: Mapping[str, Values] = sweep.parameters
        self.size = size_of(sweep)
        self.seed = seed

    def at(self, place: int) -> Point:
        """Return a point of the grid, counted from 0; the last key changes first."""
        point: Point = {}
        for path, given in reversed(list(self.parameters.items())):
            values = choices(given)
            assert values is not None
            place, index = divmod(place, len(values))
            point[path] = values[index]
        return {path: point[path] for path in self.parameters}

    def drawn(self, number: int) -> Point:
        """Return the point of a trial, a function of seed and number; of few points none comes twice."""
        if self._order is not None:
            return self.at(int(self._order[number]))
        draws = random.generator(self.seed, random.TRIALS, number)
        return {path: _draw(given, draws) for path, given in self.parameters.items()}

    @cached_property
    def _order(self) -> np.ndarray | None:
        if self.size is None or self.size > SHUFFLED:
            return None
        return random.generator(self.seed, random.TRIALS).permutation(self.size)


def choices(given: Values) -> Sequence[Any] | None:
    """Return the values that can be counted; None for all numbers of a range, and for a range by its logarithm."""
    if given.values is not None:
        return given.values
    if not given.integer or given.log:
        return None
    low, high = _ends(given)
    return range(int(low), int(high) + 1)


def _ends(given: Values) -> tuple[float, float]:
    assert given.low is not None
    assert given.high is not None
    return given.low, given.high


def _draw(given: Values, draws: np.random.Generator) -> Any:
    values = choices(given)
    if values is not None:
        return values[int(draws.integers(len(values)))]
    low, high = _ends(given)
    share = float(draws.random())
    if not given.log:
        return low + (high - low) * share
    top = high + 1 if given.integer else high
    found = min(max(low, exp(log(low) + (log(top) - log(low)) * share)), high)
    return int(found) if given.integer else found
