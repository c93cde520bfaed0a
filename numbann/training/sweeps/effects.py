"""How much of the differences between the trials of a sweep each of its parameters explains alone.

Values are compared by their ranks, so that a few trials that diverge do not decide it: the share is that of the
variance of ranks between groups of trials with like values, less what chance gives (epsilon squared, Kelley 1935,
https://doi.org/10.1073/pnas.21.9.554).  What two parameters explain only together does not show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from numbann.training.result import compact
from numbann.training.sweeps.store import Row

MOST_VALUES = 6  # of numbers, up to which trials with the same are a group
GROUPS, SMALLEST = 5, 4  # of trials with like numbers: how many at most, and how many trials each at least


def comparable(rows: Sequence[Row]) -> list[Row]:
    """Return the rows whose values can be compared: those that did not fail, of halving those of the first rung."""
    ended = [row for row in rows if row.get("value") is not None]
    first = min((row.get("rung", 0) for row in ended), default=0)
    return [row for row in ended if row.get("rung", 0) == first]


def values_of(rows: Sequence[Row], path: str, asked: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the value of a parameter in each row: numbers (N,) and no names, or places (N,) among names.

    asked: what the sweep says of it, a range, or a list of values, whose order the names have.
    """
    given = [row["parameters"].get(path) for row in rows]
    if isinstance(asked, Mapping) and "values" not in asked:
        return np.array(given, np.float64), ()
    listed = asked["values"] if isinstance(asked, Mapping) else asked
    texts = [compact(value) for value in given]
    names = tuple(text for text in dict.fromkeys(map(compact, listed)) if text in texts)
    return np.array([names.index(text) for text in texts], np.float64), names


def effects(rows: Sequence[Row], parameters: Mapping[str, Any]) -> Mapping[str, float]:
    """Return the share of the differences that each parameter explains, from 0 to 1, the largest first.

    parameters: as a sweep has them, by path.
    """
    chosen = comparable(rows)
    ranks = _ranks(np.array([row["value"] for row in chosen], np.float64))
    found = {path: _explained(ranks, _groups(*values_of(chosen, path, one))) for path, one in parameters.items()}
    return dict(sorted(found.items(), key=lambda one: -one[1]))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the place of each value among all (N,), equal ones with the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def _groups(values: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Return the group of each trial (N,)."""
    different = np.unique(values)
    if names or len(different) <= MOST_VALUES:
        return np.searchsorted(different, values)
    count = max(2, min(GROUPS, len(values) // SMALLEST))
    return np.searchsorted(np.quantile(values, np.arange(1, count) / count), values)


def _explained(ranks: np.ndarray, groups: np.ndarray) -> float:
    """Return epsilon squared."""
    sizes = np.bincount(groups)
    held = sizes > 0
    total = float(((ranks - ranks.mean()) ** 2).sum()) if len(ranks) else 0.0
    free = len(ranks) - int(held.sum())
    if total == 0 or free < 1:
        return 0.0
    means = np.bincount(groups, ranks)[held] / sizes[held]
    between = float((sizes[held] * (means - ranks.mean()) ** 2).sum())
    chance = (total - between) / free * (int(held.sum()) - 1)
    return max(0.0, (between - chance) / total)
