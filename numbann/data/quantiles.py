"""Quantiles of numbers, their map to those of the normal distribution, and which numbers are one value."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from numbann.data.ordered import sort_distinct

MOST_KNOTS = 256
NEAR = 2.0**-40  # of a column's spread: a sine differs by less from one processor or library to another


def distinct(values: np.ndarray) -> np.ndarray:
    """Return the distinct numbers, sorted; of those that differ as roundings do, the first stands for all.

    The spread is that of the middle half, so that a few huge numbers do not make one of all others.
    """
    found = sort_distinct(values)
    halves = found / 2  # of which no difference overflows
    spread = halves[3 * len(found) // 4] - halves[len(found) // 4] if len(found) else 0.0
    return found[np.diff(halves, prepend=-np.inf) > NEAR * spread]


def places_in(known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the place of each number among the distinct ones of `distinct`."""
    return np.searchsorted(known, values, side="right") - 1


def quantile_knots(values: np.ndarray) -> np.ndarray:
    """Return quantiles of numbers (n,), evenly spaced, as many as there are rows, at most MOST_KNOTS; two or more."""
    count = max(2, min(MOST_KNOTS, len(values)))
    return np.quantile(values, (np.arange(count) + 0.5) / count)


def normal_levels(knots: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct knots, and the level of the normal distribution for each: the mean of equal ones."""
    count = len(knots)
    levels = np.array([NormalDist().inv_cdf((place + 0.5) / count) for place in range(count)])
    known = distinct(np.array(knots))
    place = places_in(known, np.array(knots))
    return known, np.bincount(place, levels) / np.bincount(place)
