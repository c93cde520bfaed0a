"""The scale "quantile": gives each column a normal distribution, by the ranks of the training rows."""

from __future__ import annotations

import numpy as np

from numbann.data.quantiles import normal_levels, quantile_knots
from numbann.data.transforms.transform import Columns, Transform
from numbann.records import dataclass


@dataclass(frozen=True)
class Scale(Transform):
    """Maps a column's quantiles to those of the normal distribution, linearly between; about -2.9 to 2.9.

    knots: the quantiles of each column.
    """

    knots: tuple[tuple[float, ...], ...]

    @classmethod
    def fit(cls, columns: Columns) -> Scale:
        return cls.of(np.array([quantile_knots(values) for values in columns.each()]))

    def apply(self, values: np.ndarray) -> None:
        for position, knots in enumerate(self.knots):
            values[:, position] = np.interp(values[:, position], *normal_levels(knots))
