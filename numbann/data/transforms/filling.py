"""What the transforms have in common that fill in a number for a missing one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numbann.data.transforms.transform import Columns, Transform
from numbann.data.wording import quoted
from numbann.errors import DataError


@dataclass(frozen=True)
class Filling(Transform):
    """One number a column in place of those that are missing."""

    fill: tuple[float, ...]

    def apply(self, values: np.ndarray) -> None:
        missing = np.isnan(values)
        if missing.any():
            np.copyto(values, np.array(self.fill), where=missing)


def check_numbers_there(columns: Columns, fill: np.ndarray) -> np.ndarray:
    """What is to be filled in (F,); DataError for a column without any number, where it is NaN."""
    if np.isnan(fill).any():
        name = quoted(columns.names[int(np.argmax(np.isnan(fill)))])
        raise DataError(f"column {name} has no number among the training rows; drop it (data.drop)", key="data.drop")
    return fill
