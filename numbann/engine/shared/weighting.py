"""Rows that count unequally: what each has of its batch's loss, and weighted means.  It knows no class and no file."""

from __future__ import annotations

import numpy as np


class Shares:
    """What each row has of its batch's loss: its weight over the sum of the batch's weights, in an epoch's order.

    Where that sum is 0, all shares are: the batch has no loss and no gradient.  rows: how many an epoch has.
    """

    def __init__(self, weight: np.ndarray, batch: int, dtype: str, rows: int) -> None:
        self._weight = _scaled(weight)
        self._starts = np.arange(0, rows, batch)
        self.values = np.zeros(rows, dtype)

    def follow(self, order: np.ndarray) -> None:
        """Set the shares for an epoch in this order."""
        weight = self._weight[order]
        totals = np.add.reduceat(weight, self._starts)
        rows = np.diff(self._starts, append=len(weight))
        self.values[:] = weight / np.repeat(np.where(totals == 0, 1, totals), rows)

    def means(self, row_loss: np.ndarray) -> np.ndarray:
        """Each batch's weighted mean of its rows' losses, which are in the epoch's order."""
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
    """Weights as float64 times a power of two, by which the largest is below 1, so that no sum overflows."""
    weight = np.asarray(weight, np.float64)
    return np.ldexp(weight, -np.frexp(weight.max())[1])
