"""Numbers as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from numbann.data.transforms.affine import Shifted
from numbann.data.transforms.transform import Columns


@dataclass(frozen=True)
class Unscaled(Shifted):
    """Shifted by 0 and divided by 1."""

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        width = len(columns.names)
        return cls((0.0,) * width, (1.0,) * width)


TRANSFORM = Unscaled
