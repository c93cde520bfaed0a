"""The interface of a transform of numbers, and the columns that it is fitted on.

Letters: N rows, n rows of a block, F columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from numbann.data.table import Raw, RowSelection, row_at

MISSING_NUMBER = (
    'a missing number, and there was none in training; fill it in, or train again with data.missing "median"'
)
ShiftScale = tuple[np.ndarray, np.ndarray]


class MissingNumber(Exception):
    """A number is missing where none may be.  Arguments: its row and its column."""


@dataclass(frozen=True)
class Transform:
    """A fitted transform of columns of numbers.  Each field holds one fitted number per column."""

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        """Fit the transform to the columns of the training part."""
        return cls()

    @classmethod
    def of(cls, *fitted: np.ndarray) -> Self:
        """Build the transform from fitted arrays (F,)."""
        return cls(*(tuple(values.tolist()) for values in fitted))

    def apply(self, values: np.ndarray) -> None:
        """Transform a block (n, F) of float64 in place."""

    def affine(self) -> ShiftScale | None:
        """Return shift and scale (F,) if the transform is (value - shift) / scale, which the engine can fuse."""
        return None

    def column(self, position: int) -> Self:
        """Return the transform of one column alone."""
        return type(self)(**{name: (values[position],) for name, values in vars(self).items()})

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values from which from_dict restores the same transform, floats bit for bit."""
        return {"type": type(self).__module__.rpartition(".")[2], **vars(self)}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """Restore a transform of this class."""
        return cls(**{one.name: tuple(given[one.name]) for one in fields(cls)})


@dataclass(frozen=True)
class Columns:
    """The numbers of some rows (N, F) after earlier transforms, by blocks of rows or by columns."""

    raw: Raw
    rows: RowSelection
    transforms: Sequence[Transform] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.raw.table.number_names

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield blocks (n, F) of float64, each a new array."""
        return (self._block(rows) for rows in self.raw.table.blocks(self.rows))

    def each(self) -> Iterator[np.ndarray]:
        """Yield each column (N,) in float64."""
        for position, column in enumerate(self.raw.table.each_column(self.rows)):
            values = column.astype(np.float64)[:, None]
            for transform in self.transforms:
                transform.column(position).apply(values)
            yield values[:, 0]

    def extremes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the smallest and the largest number of each column."""
        low = np.full(len(self.names), np.inf)
        high = -low
        for values in self.blocks():
            low, high = np.minimum(low, values.min(axis=0)), np.maximum(high, values.max(axis=0))
        return low, high

    def _block(self, rows: RowSelection) -> np.ndarray:
        values = self.raw.table.block(rows).astype(np.float64)
        try:
            for transform in self.transforms:
                transform.apply(values)
        except MissingNumber as missing:
            row, column = missing.args
            raise self.raw.fault(row_at(rows, row), self.names[column], MISSING_NUMBER, "data.missing") from None
        return values
