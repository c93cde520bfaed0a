"""The transform "mode": replaces a missing number by the most frequent one of its column."""

from __future__ import annotations

import numpy as np

from numbann.data.transforms.filling import Columns, Filling, check_numbers_there


class Missing(Filling):
    """Replaces missing numbers by the column's mode, the smallest of several.  fit reads the columns one by one."""

    @classmethod
    def fit(cls, columns: Columns) -> Missing:
        return cls.of(check_numbers_there(columns, np.array([_mode(values) for values in columns.each()])))


def _mode(values: np.ndarray) -> float:
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    return float(distinct[counts.argmax()]) if len(distinct) else np.nan
