"""Reductions over one row, for components in row form: plain Python here, replaced by vector code when compiled.

The compiled code adds in the order of a fixed tree, so a row's sum has the same bits wherever it is computed.
"""

from __future__ import annotations

from collections.abc import Sequence


def row_max(x: Sequence[float]) -> float:
    """Return the largest element of a row."""
    return max(x)


def row_sum(x: Sequence[float]) -> float:
    """Return the sum of a row."""
    return sum(x)


def row_dot(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the sum of the products of two rows of equal length."""
    return sum(p * q for p, q in zip(x, y, strict=True))
