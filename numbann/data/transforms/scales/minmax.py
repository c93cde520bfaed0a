"""The least number becomes 0, the largest 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from numbann.data.transforms.affine import Shifted
from numbann.data.transforms.transform import Columns


@dataclass(frozen=True)
class MinMax(Shifted):
    """A constant column is divided by 1."""

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        low = np.full(len(columns.names), np.inf)
        high = -low
        for values in columns.blocks():
            low, high = np.minimum(low, values.min(axis=0)), np.maximum(high, values.max(axis=0))
        with np.errstate(over="ignore"):
            scale = np.where(low == high, 1.0, high - low)
        return cls(tuple(low.tolist()), tuple(scale.tolist()))


TRANSFORM = MinMax
