"""Encodes category codes as inputs: one input per category, 1 in the rows that have it."""

from __future__ import annotations

import numpy as np


def write_one_hot(codes: np.ndarray, x: np.ndarray) -> None:
    """Write a 1 per code (n,) into zeros x (n, K); a code below 0, an unseen category, leaves its row all zeros."""
    seen = np.flatnonzero(codes >= 0)
    x[seen, codes[seen]] = 1
