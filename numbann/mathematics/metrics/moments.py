"""The weighted mean and variance over rows."""

from __future__ import annotations

from typing import Any


def average(values: Any, weight: Any) -> Any:
    """Return the weighted mean over rows of values (N,) or (N, O)."""
    return (weight * values.T).T.sum(0) / weight.sum()


def variance(values: Any, weight: Any) -> Any:
    """Return the weighted variance over rows of values (N,) or (N, O)."""
    return average((values - average(values, weight)) ** 2, weight)
