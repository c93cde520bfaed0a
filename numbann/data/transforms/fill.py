"""What the transforms have in common that fill in a number for a missing one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from numbann.data.transforms.transform import Columns, Transform
from numbann.data.wording import quoted
from numbann.errors import DataError


@dataclass(frozen=True)
class Filled(Transform):
    """One number a column in place of those that are missing."""

    fill: tuple[float, ...]

    @classmethod
    def of(cls, columns: Columns, fill: np.ndarray) -> Self:
        """Filled with these numbers (F,), NaN where the column holds none."""
        if np.isnan(fill).any():
            name = columns.names[int(np.argmax(np.isnan(fill)))]
            raise DataError(
                f"column {quoted(name)} has no number among the training rows; drop it (data.drop)", key="data.drop"
            )
        return cls(tuple(fill.tolist()))

    def apply(self, values: np.ndarray) -> None:
        missing = np.isnan(values)
        if missing.any():
            np.copyto(values, np.array(self.fill), where=missing)
