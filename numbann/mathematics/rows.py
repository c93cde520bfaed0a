"""Reductions over one row, for components in row form: plain Python here, bound to vector code where they are compiled.

Compiled, the order of additions is a fixed tree, so a row's sum has the same bits wherever the row is computed.
"""

from __future__ import annotations

from collections.abc import Sequence


def row_max(x: Sequence[float]) -> float:
    """The largest element of a row."""
    return max(x)


def row_sum(x: Sequence[float]) -> float:
    """The sum of a row."""
    return sum(x)


def row_dot(x: Sequence[float], y: Sequence[float]) -> float:
    """The sum of the products of two rows of one length."""
    return sum(p * q for p, q in zip(x, y, strict=True))
