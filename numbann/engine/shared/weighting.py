"""Weights of rows: each row's share of its batch's loss, and weighted means."""

from __future__ import annotations

import numpy as np


class Shares:
    """Each row's share of its batch's loss, in an epoch's order: its weight over the sum of the batch's weights.

    If that sum is 0, all shares are 0: the batch has no loss and no gradient.  bounds: where each batch begins, and
    where the last one ends; they may change before `follow`.
    """

    def __init__(self, weight: np.ndarray, bounds: np.ndarray, dtype: str) -> None:
        self.weight, self._bounds = _scaled(weight), bounds
        self.values = np.zeros(bounds[-1], dtype)

    def follow(self, order: np.ndarray) -> None:
        """Set the shares for an epoch in this order."""
        weight = self.weight[order]
        totals = np.add.reduceat(weight, self._bounds[:-1])
        self.values[:] = weight / np.repeat(np.where(totals == 0, 1, totals), np.diff(self._bounds))

    def means(self, row_loss: np.ndarray) -> np.ndarray:
        """Each batch's weighted mean of its rows' losses, given in the epoch's order."""
        means: np.ndarray = np.add.reduceat(np.multiply(row_loss, self.values, dtype=np.float64), self._bounds[:-1])
        return means


def means_within(row_loss: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Each batch's mean over its rows, for batches within these bounds."""
    found: np.ndarray = np.add.reduceat(row_loss, bounds[:-1], dtype=np.float64) / np.diff(bounds)
    return found


def means(row_loss: np.ndarray, batch: int) -> np.ndarray:
    """Each batch's mean over its rows, for batches of so many rows."""
    whole, rest = divmod(len(row_loss), batch)
    found = np.empty(whole + (rest > 0))
    np.add.reduce(row_loss[: whole * batch].reshape(-1, batch), axis=1, dtype=np.float64, out=found[:whole])
    found[:whole] /= batch
    if rest:
        found[whole] = np.add.reduce(row_loss[whole * batch :], dtype=np.float64) / rest
    return found


def weighted_mean(losses: np.ndarray, weight: np.ndarray) -> float:
    """The weighted mean of losses (N,); 0 if all weights are 0."""
    scaled = _scaled(weight)
    return float((losses * scaled).sum() / (scaled.sum() or 1))


def _scaled(weight: np.ndarray) -> np.ndarray:
    """Weights in float64 times a power of two that brings the largest below 1, so that no sum overflows."""
    weight = np.asarray(weight, np.float64)
    return np.ldexp(weight, -np.frexp(weight.max())[1])
