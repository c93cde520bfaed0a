"""The scale "robust": scales each column to median 0 and interquartile range 1, which outliers hardly move."""

from __future__ import annotations

import numpy as np

from numbann.data.transforms.affine import Affine, Columns, ShiftScale


class Scale(Affine):
    """Computes s (x - median), s = 1 / (q75 - q25).

    Where the quartiles are equal, s = 2 / (max - min); for a constant column, s = 0.  The field `scale` is 1 / s, and 0
    for a constant column.  Holzmueller, Grinsztajn and Steinwart 2024,
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
