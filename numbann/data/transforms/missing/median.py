"""The transform "median": replaces a missing number by the median of its column."""

from __future__ import annotations

import numpy as np

from numbann.data.ordered import medians
from numbann.data.transforms.filling import Columns, Filling, check_numbers_there


class Missing(Filling):
    """Replaces missing numbers by the column's median.  fit reads the columns one by one."""

    @classmethod
    def fit(cls, columns: Columns) -> Missing:
        there = (values[~np.isnan(values)] for values in columns.each())
        return cls.of(check_numbers_there(columns, np.array([medians(v) if len(v) else np.nan for v in there])))
