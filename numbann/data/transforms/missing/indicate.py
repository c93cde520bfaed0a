"""The transform "indicate": replaces a missing number by the median; an input of its own then says where it was.

Columns without a missing number in training get no such input.  Theirs is the median of a sample of the training rows,
for rows to predict.
"""

from __future__ import annotations

import numpy as np

from numbann.data.ordered import medians
from numbann.data.table import sample_of
from numbann.data.transforms.filling import Columns, Filling

SAMPLE = 1000  # rows


class Missing(Filling):
    """Replaces missing numbers by the column's median, and by 0 in a column without any number."""

    @classmethod
    def fit(cls, columns: Columns) -> Missing:
        few = columns.given(sample_of(columns.rows, len(columns.raw.table), SAMPLE))
        fill = medians(few)
        for place, values in columns.among(columns.holes):
            there = values[~np.isnan(values)]
            fill[place] = medians(there) if len(there) else 0.0
        return cls.of(np.nan_to_num(fill))
