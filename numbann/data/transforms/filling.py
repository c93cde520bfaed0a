"""The common part of the transforms that replace missing numbers."""

from __future__ import annotations

import numpy as np

from numbann.data.transforms.transform import Columns, Transform
from numbann.data.wording import quoted
from numbann.errors import DataError
from numbann.records import dataclass


@dataclass(frozen=True)
class Filling(Transform):
    """A transform that replaces the missing numbers of a column by one number."""

    fill: tuple[float, ...]

    def apply(self, values: np.ndarray) -> None:
        missing = np.isnan(values)
        if missing.any():
            np.copyto(values, np.array(self.fill), where=missing)


def check_numbers_there(columns: Columns, fill: np.ndarray) -> np.ndarray:
    """Return the replacements (F,); DataError for a column without any number, where it is NaN."""
    if np.isnan(fill).any():
        name = quoted(columns.names[int(np.argmax(np.isnan(fill)))])
        raise DataError(f"column {name} has no number among the training rows; drop it (data.drop)", key="data.drop")
    return fill
