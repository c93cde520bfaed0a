"""Median 0 and a quartile distance of 1, which outliers do not move."""

from __future__ import annotations

import numpy as np

from numbann.data.transforms.affine import Affine, Columns, ShiftScale


class Scale(Affine):
    """s (x - median), s = 1 / (q75 - q25); 2 / (max - min) where the quartiles are equal; 0 in a constant column.

    scale is 1 / s, and 0 for a constant column.  Holzmueller, Grinsztajn and Steinwart 2024,
    https://arxiv.org/abs/2407.04491.
    """

    @classmethod
    def fit(cls, columns: Columns) -> Scale:
        with np.errstate(over="ignore", invalid="ignore"):
            quartiles = np.array([np.quantile(values, (0.0, 0.25, 0.5, 0.75, 1.0)) for values in columns.each()])
            low, q25, median, q75, high = quartiles.reshape(-1, 5).T
            return cls.of(median, np.where(q75 == q25, (high - low) / 2, q75 - q25))

    def affine(self) -> ShiftScale:
        shift, scale = super().affine()
        return shift, np.where(scale == 0, np.inf, scale)
