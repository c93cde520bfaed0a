"""What the scales have in common that shift and divide each column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numbann.data.transforms.transform import Affine, Transform


@dataclass(frozen=True)
class Shifted(Transform):
    """(value - shift) / scale."""

    shift: tuple[float, ...]
    scale: tuple[float, ...]

    def apply(self, values: np.ndarray) -> None:
        shift, scale = self.affine()
        values -= shift
        values /= scale

    def affine(self) -> Affine:
        return np.array(self.shift), np.array(self.scale)
