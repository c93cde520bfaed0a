"""Bytes: 0 to 255 become 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from numbann.data.transforms.affine import Shifted
from numbann.data.transforms.transform import Columns


@dataclass(frozen=True)
class Byte(Shifted):
    """Divided by 255, whatever the training part holds."""

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        width = len(columns.names)
        return cls((0.0,) * width, (255.0,) * width)


TRANSFORM = Byte
