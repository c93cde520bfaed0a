"""The thresholds of a decision tree that sees one feature: where the targets on both sides differ most.

Letters: n rows, m distinct values of the feature, k numbers of each target.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np

LEAST_GAIN = 1e-12  # of a split, as a share of all squared differences


class _Sums(NamedTuple):
    """Numbers of rows (m + 1,) and sums of targets (m + 1, k) up to each distinct value."""

    rows: np.ndarray
    targets: np.ndarray


def tree_thresholds(values: np.ndarray, targets: np.ndarray, leaves: int) -> np.ndarray:
    """Return the sorted thresholds of a tree with at most so many leaves, midway between neighbouring values.

    values (n,); targets (n, k).  The next split is always that of all leaves which lowers the squared differences from
    the leaves' means most; of classes as rows of 0 and 1 that is the Gini impurity.  As in scikit-learn's
    DecisionTreeRegressor(max_leaf_nodes=leaves).  Breiman, Friedman, Olshen and Stone 1984, "Classification and
    regression trees".
    """
    distinct, place = np.unique(values, return_inverse=True)
    centred = targets - targets.mean(axis=0)
    sums = _Sums(_up_to(np.bincount(place)), _up_to(np.stack([np.bincount(place, one) for one in centred.T], axis=1)))
    least = LEAST_GAIN * (centred * centred).sum()
    candidates: list[tuple[float, int, int, int]] = []
    _propose(candidates, sums, 0, len(distinct))
    chosen: list[int] = []
    while candidates and len(chosen) < leaves - 1:
        lost, first, split, end = heappop(candidates)
        if -lost <= least:
            break
        chosen.append(split)
        _propose(candidates, sums, first, split)
        _propose(candidates, sums, split, end)
    places = np.sort(np.array(chosen, np.intp))
    return distinct[places - 1] / 2 + distinct[places] / 2


def _up_to(values: np.ndarray) -> np.ndarray:
    return np.concatenate((np.zeros_like(values[:1]), np.cumsum(values, axis=0)))


def _propose(candidates: list[tuple[float, int, int, int]], sums: _Sums, first: int, end: int) -> None:
    """Add the best split of the leaf with the distinct values first ... end - 1, by minus its gain."""
    if end - first < 2:
        return
    rows = (sums.rows[first : end + 1] - sums.rows[first]).astype(np.float64)
    targets = sums.targets[first : end + 1] - sums.targets[first]
    left, right = targets[1:-1], targets[-1] - targets[1:-1]
    gain = (left * left).sum(axis=1) / rows[1:-1] + (right * right).sum(axis=1) / (rows[-1] - rows[1:-1])
    best = int(gain.argmax())
    whole = (targets[-1] * targets[-1]).sum() / rows[-1]
    heappush(candidates, (whole - float(gain[best]), first, first + best + 1, end))
