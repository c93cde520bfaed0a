"""Distinct values and medians by NumPy, without the masked arrays that its own functions import, which take long."""

from __future__ import annotations

import numpy as np


def sort_distinct(values: np.ndarray) -> np.ndarray:
    """Return the distinct values, sorted."""
    return np.unique(values, return_counts=True)[0]


def are_among(values: np.ndarray, distinct: np.ndarray) -> np.ndarray:
    """Tell of each value whether it is one of some distinct ones, which are sorted."""
    places = np.searchsorted(distinct, values)
    return distinct[np.minimum(places, len(distinct) - 1)] == values if len(distinct) else np.zeros(len(values), bool)


def medians(values: np.ndarray) -> np.ndarray:
    """Return the median of each column of rows (n, ...); NaN where a number is missing."""
    ordered, half = np.sort(values, axis=0), len(values) // 2
    found = ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2
    return np.where(np.isnan(ordered[-1]), np.nan, found)
