"""The scale "minmax": maps the smallest number of a column to 0 and the largest to 1."""

from __future__ import annotations

import numpy as np

from numbann.data.transforms.affine import Affine, Columns


class Scale(Affine):
    """Scales columns to [0, 1].  A constant column is divided by 1."""

    @classmethod
    def fit(cls, columns: Columns) -> Scale:
        low, high = columns.extremes()
        with np.errstate(over="ignore"):
            return cls.of(low, np.where(low == high, 1.0, high - low))
