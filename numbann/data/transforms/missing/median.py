"""A missing number is the median of those that are there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from numbann.data.transforms.fill import Filled
from numbann.data.transforms.transform import Columns


@dataclass(frozen=True)
class Median(Filled):
    """Filled with the median."""

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        return cls.of(columns, np.array([_median(columns.column(k)) for k in range(len(columns.names))]))


def _median(values: np.ndarray) -> float:
    there = values[~np.isnan(values)]
    return float(np.median(there)) if len(there) else np.nan


TRANSFORM = Median
