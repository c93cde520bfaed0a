"""The common part of the scales that shift and divide each column."""

from __future__ import annotations

from typing import Self

import numpy as np

from numbann.data.transforms.transform import Columns, ShiftScale, Transform
from numbann.records import dataclass


@dataclass(frozen=True)
class Affine(Transform):
    """(value - shift) / scale."""

    shift: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def by_constant(cls, columns: Columns, scale: float) -> Self:
        """Return the transform that divides all columns by one number."""
        return cls.of(np.zeros(len(columns.names)), np.full(len(columns.names), scale))

    def apply(self, values: np.ndarray) -> None:
        shift, scale = self.affine()
        values -= shift
        values /= scale

    def affine(self) -> ShiftScale:
        return np.array(self.shift), np.array(self.scale)
