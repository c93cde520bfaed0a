"""Weights of rows: each row's share of its batch's loss, and weighted means."""

from __future__ import annotations

import numpy as np


class Shares:
    """Each row's share of its batch's loss, in an epoch's order: its weight over the sum of the batch's weights.

    If that sum is 0, all shares are 0: the batch has no loss and no gradient.  rows: the rows of an epoch.
    """

    def __init__(self, weight: np.ndarray, batch: int, dtype: str, rows: int) -> None:
        self.weight = _scaled(weight)
        self._starts = np.arange(0, rows, batch)
        self.values = np.zeros(rows, dtype)

    def follow(self, order: np.ndarray) -> None:
        """Set the shares for an epoch in this order."""
        weight = self.weight[order]
        totals = np.add.reduceat(weight, self._starts)
        rows = np.diff(self._starts, append=len(weight))
        self.values[:] = weight / np.repeat(np.where(totals == 0, 1, totals), rows)

    def means(self, row_loss: np.ndarray) -> np.ndarray:
        """Each batch's weighted mean of its rows' losses, given in the epoch's order."""
        means: np.ndarray = np.add.reduceat(np.multiply(row_loss, self.values, dtype=np.float64), self._starts)
        return means


def means(row_loss: np.ndarray, batch: int) -> np.ndarray:
    """Each batch's mean over its rows."""
    whole = len(row_loss) // batch * batch
    found = row_loss[:whole].reshape(-1, batch).mean(1, dtype=np.float64)
    rest = row_loss[whole:].mean(dtype=np.float64) if whole < len(row_loss) else ()
    return np.append(found, rest)


def weighted_mean(losses: np.ndarray, weight: np.ndarray) -> float:
    """The weighted mean of losses (N,); 0 if all weights are 0."""
    scaled = _scaled(weight)
    return float((losses * scaled).sum() / (scaled.sum() or 1))


def _scaled(weight: np.ndarray) -> np.ndarray:
    """Weights in float64 times a power of two that brings the largest below 1, so that no sum overflows."""
    weight = np.asarray(weight, np.float64)
    return np.ldexp(weight, -np.frexp(weight.max())[1])
