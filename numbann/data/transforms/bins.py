"""Bins: a number becomes its place in each of a row of intervals, so that a first layer can bend where they meet.

Letters: n rows, T bins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from numbann.data.quantiles import distinct, places_in
from numbann.data.tree import tree_thresholds
from numbann.records import dataclass

FITTED = 200_000  # the most training rows that edges are fitted on
MOST_INPUTS = 2000  # of all bins together
FEWEST = 4  # bins that are worth having where there is no room for as many as asked
BY_ROWS = "by-rows"  # a count of bins that goes by the number of training rows
ROWS_OF_BIN = 64  # the rows for which there is a bin then
MOST_BY_ROWS = {False: 128, True: 48}  # the most bins then, for numbers and for classes


@dataclass(frozen=True)
class Bins:
    """The piecewise linear encoding of a column of numbers.  edges (T + 1,): where the intervals meet, and both ends.

    Bin t is (x - edge_t) / (edge_(t + 1) - edge_t), but 0 below its interval and 1 above it.  Gorishniy, Rubachev and
    Babenko 2022, https://arxiv.org/abs/2203.05556.
    """

    edges: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.edges) - 1

    @classmethod
    def fit(cls, values: np.ndarray, targets: np.ndarray | None, count: int) -> Bins | None:
        """Fit to numbers (n,): by quantiles, or by a tree that knows the targets (n, k); None for two values or fewer.

        count: the most bins.  Numbers that differ as roundings do are one value: no edge is between them.
        """
        known = distinct(values)
        if len(known) < 3:
            return None
        if targets is None:
            edges = np.quantile(values, np.linspace(0, 1, count + 1))
        else:
            thresholds = tree_thresholds(known[places_in(known, values)], targets, count)
            edges = np.array([known[0], *thresholds, known[-1]])
        edges = distinct(edges)
        return cls(tuple(edges.tolist())) if len(edges) > 2 else None

    def write(self, values: np.ndarray, x: np.ndarray) -> None:
        """Write the bins of numbers (n,) to x (n, T)."""
        edges = np.array(self.edges) / 2  # halves, of which no difference overflows
        np.clip((values[:, None] / 2 - edges[:-1]) / np.diff(edges), 0, 1, out=x, casting="same_kind")


def count_bins(asked: Mapping[str, Any], rows: int, classes: bool) -> int:
    """Return how many bins are asked for, with so many training rows, whose targets are classes or numbers."""
    if asked["count"] != BY_ROWS:
        return int(asked["count"])
    return max(FEWEST, min(MOST_BY_ROWS[classes], rows // ROWS_OF_BIN))


def room(asked: Mapping[str, int]) -> dict[str, int]:
    """Return how many bins each column gets of those asked for, so that all have room: none, or FEWEST at least."""
    most = MOST_INPUTS // max(1, len(asked))
    return {name: min(count, most if most >= FEWEST else 0) for name, count in asked.items()}
