"""The scale "byte": maps bytes from 0 to 255 to numbers from 0 to 1."""

from __future__ import annotations

from numbann.data.transforms.affine import Affine, Columns


class Scale(Affine):
    """Divides every column by 255, whatever it holds."""

    @classmethod
    def fit(cls, columns: Columns) -> Scale:
        return cls.by_constant(columns, 255.0)
