"""A missing number is the mean of those that are there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from numbann.data.transforms.fill import Filled
from numbann.data.transforms.transform import Columns


@dataclass(frozen=True)
class Mean(Filled):
    """Filled with the mean."""

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        counts, sums = np.zeros((2, len(columns.names)))
        for values in columns.blocks():
            counts += (~np.isnan(values)).sum(axis=0)
            sums += np.nansum(values, axis=0)
        with np.errstate(invalid="ignore"):
            return cls.of(columns, sums / counts)


TRANSFORM = Mean
