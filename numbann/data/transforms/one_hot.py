"""Codes as inputs: one input a category, 1 in the rows that have it."""

from __future__ import annotations

import numpy as np


def write_one_hot(codes: np.ndarray, x: np.ndarray) -> None:
    """Write the ones of codes (n,) into zeros x (n, K); a row of an unseen category, code below 0, stays all zeros."""
    seen = np.flatnonzero(codes >= 0)
    x[seen, codes[seen]] = 1
