"""The transform "mean": replaces a missing number by the mean of its column."""

from __future__ import annotations

import numpy as np

from numbann.data.transforms.filling import Columns, Filling, check_numbers_there


class Missing(Filling):
    """Replaces missing numbers by the column's mean.  fit reads the rows once."""

    @classmethod
    def fit(cls, columns: Columns) -> Missing:
        counts, sums = np.zeros((2, len(columns.names)))
        for values in columns.blocks():
            counts += (~np.isnan(values)).sum(axis=0)
            sums += np.nansum(values, axis=0)
        with np.errstate(invalid="ignore"):
            return cls.of(check_numbers_there(columns, sums / counts))
