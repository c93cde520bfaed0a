"""The transform "constant": replaces a missing number by one that the spec gives."""

from __future__ import annotations

import numpy as np

from numbann.data.transforms.filling import Columns, Filling


class Missing(Filling):
    """Replaces missing numbers by `fill`."""

    @classmethod
    def fit(cls, columns: Columns, fill: float = 0.0) -> Missing:
        return cls.of(np.full(len(columns.names), fill))
