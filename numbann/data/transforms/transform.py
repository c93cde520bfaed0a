"""The interface of a transform of numbers, and the columns that it is fitted on.

Letters: N rows, n rows of a block, F columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, fields
from functools import cached_property
from typing import Any, Self

import numpy as np

from numbann.data.contract import as_tuples
from numbann.data.table import Raw, RowSelection, count_of, row_at
from numbann.data.transforms.code import Code
from numbann.records import dataclass

MISSING_NUMBER = 'a missing number, which data.missing "error" refuses; fill it in, or train by a spec with "indicate"'
ShiftScale = tuple[np.ndarray, np.ndarray]


class MissingNumber(Exception):
    """A number is missing where none may be.  Arguments: its row and its column."""


@dataclass(frozen=True)
class Transform:
    """A fitted transform of columns of numbers.  Each field holds what was fitted, one number or tuple per column."""

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        """Fit the transform to the columns of the training part."""
        return cls()

    @classmethod
    def of(cls, *fitted: np.ndarray) -> Self:
        """Build the transform from fitted arrays (F,)."""
        return cls(*(as_tuples(values.tolist()) for values in fitted))

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
        return cls(**{one.name: as_tuples(given[one.name]) for one in fields(cls)})


@dataclass(frozen=True)
class Columns:
    """The numbers of some rows (N, F) after earlier transforms, by blocks of rows or by columns.

    names: columns of numbers, and those that `codes` makes of texts, by feature; None for all numbers of the table.
    holes: the columns of which some of these rows lack a number.
    """

    raw: Raw
    rows: RowSelection
    transforms: Sequence[Transform] = ()
    chosen: tuple[str, ...] | None = None
    codes: Mapping[str, Code] = field(default_factory=dict)
    holes: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.raw.table.number_names if self.chosen is None else self.chosen

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield blocks (n, F) of float64, each a new array."""
        return (self.transformed(rows) for rows in self.raw.table.blocks(self.rows))

    def each(self) -> Iterator[np.ndarray]:
        """Yield each column (N,) in float64."""
        every = enumerate(self.raw.table.each_column(self.rows)) if self._all_numbers else self._apart(self.names)
        for position, column in every:
            values = column.astype(np.float64)[:, None]
            for transform in self.transforms:
                transform.column(position).apply(values)
            yield values[:, 0]

    def among(self, names: frozenset[str]) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the position and the numbers (N,) of these columns, as they are given."""
        return self._apart([name for name in self.names if name in names])

    def extremes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the smallest and the largest number of each column."""
        low = np.full(len(self.names), np.inf)
        high = -low
        for values in self.blocks():
            low, high = np.minimum(low, values.min(axis=0)), np.maximum(high, values.max(axis=0))
        return low, high

    def given(self, rows: RowSelection) -> np.ndarray:
        """Return a new block (n, F) of some rows as they are given."""
        table = self.raw.table
        if self._all_numbers:
            return table.block(rows).astype(np.float64, copy=isinstance(rows, slice))  # else it is new already
        values = np.empty((count_of(rows, len(table)), len(self.names)))
        if self._numbers[0]:
            values[:, self._numbers[0]] = table.block(rows)[:, self._numbers[1]]
        for feature, (places, parts) in self._coded.items():
            values[:, places] = self.codes[feature].apply(table.texts[feature], rows)[:, parts]
        return values

    def transformed(self, rows: RowSelection) -> np.ndarray:
        """Return a new block (n, F) of some rows after the transforms."""
        return self.transform(self.given(rows), rows)

    def transform(self, values: np.ndarray, rows: RowSelection) -> np.ndarray:
        """Transform a block of these rows in place, and return it."""
        try:
            for transform in self.transforms:
                transform.apply(values)
        except MissingNumber as missing:
            row, column = missing.args
            raise self.raw.fault(row_at(rows, row), self.names[column], MISSING_NUMBER, "data.missing") from None
        return values

    @property
    def _all_numbers(self) -> bool:
        return self.chosen is None or self.chosen == self.raw.table.number_names

    @cached_property
    def _numbers(self) -> tuple[list[int], list[int]]:
        """The places of the table's own numbers among these columns, and their positions in the table."""
        known = {name: position for position, name in enumerate(self.raw.table.number_names)}
        found = [(place, known[name]) for place, name in enumerate(self.names) if name in known]
        return [place for place, _ in found], [position for _, position in found]

    @cached_property
    def _coded(self) -> dict[str, tuple[list[int], list[int]]]:
        """For each feature with codes, the places of its columns among these, and their parts of the code."""
        found: dict[str, tuple[list[int], list[int]]] = {}
        place_of = {name: place for place, name in enumerate(self.names)}
        for feature, code in self.codes.items():
            parts = [part for part, name in enumerate(code.names(feature)) if name in place_of]
            if parts:
                found[feature] = [place_of[code.names(feature)[part]] for part in parts], parts
        return found

    def _apart(self, names: Sequence[str]) -> Iterator[tuple[int, np.ndarray]]:
        known = {name: position for position, name in enumerate(self.raw.table.number_names)}
        parts = {
            name: (feature, k) for feature, code in self.codes.items() for k, name in enumerate(code.names(feature))
        }
        place_of = {name: place for place, name in enumerate(self.names)}
        for name in names:
            if name in known:
                yield place_of[name], self.raw.table.column(self.rows, known[name])
            else:
                feature, part = parts[name]
                yield place_of[name], self.codes[feature].apply(self.raw.table.texts[feature], self.rows)[:, part]
