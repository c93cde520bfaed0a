"""The map from the quantiles of numbers to those of the normal distribution."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

MOST_KNOTS = 256


def quantile_knots(values: np.ndarray) -> np.ndarray:
    """Return quantiles of numbers (n,), evenly spaced, as many as there are rows, at most MOST_KNOTS; two or more."""
    count = max(2, min(MOST_KNOTS, len(values)))
    return np.quantile(values, (np.arange(count) + 0.5) / count)


def normal_levels(knots: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct knots, and the level of the normal distribution for each; equal knots share their mean."""
    count = len(knots)
    levels = np.array([NormalDist().inv_cdf((place + 0.5) / count) for place in range(count)])
    distinct, place = np.unique(np.array(knots), return_inverse=True)
    return distinct, np.bincount(place, levels) / np.bincount(place)
