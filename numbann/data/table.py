"""The raw rows of one source: numbers as one matrix, texts as codes, targets and weights apart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from typing import SupportsIndex

import numpy as np

from numbann.data.columns import Column, Numbers, Texts
from numbann.data.kinds import drop_missing, settle
from numbann.data.memory import available
from numbann.data.reading import ChosenColumns, Reading
from numbann.data.stored import StoredArray
from numbann.data.wording import counted, quoted
from numbann.errors import DataError
from numbann.records import dataclass

RowSelection = np.ndarray | slice
BLOCK_BYTES = 1 << 22


@dataclass(frozen=True)
class Table:
    """The raw features of one source.

    names: all features in order.  texts: those that are categories.  The others are the `columns` of `numbers`, all
    of them if None.  The numbers may stay in their file, so they are read in blocks.
    """

    names: tuple[str, ...]
    numbers: np.ndarray | StoredArray
    texts: Mapping[str, Texts]
    columns: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    @cached_property
    def number_names(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name not in self.texts)

    @cached_property
    def complete(self) -> frozenset[str]:
        """The names of columns of numbers in memory of which none is missing."""
        if self.stored is not None:
            return frozenset()
        every = zip(self.number_names, self.each_column(slice(None)), strict=True)
        return frozenset(name for name, values in every if not np.isnan(values).any())

    @cached_property
    def empty(self) -> tuple[str, ...]:
        """The columns of numbers that are missing in every row."""
        begun = np.isnan(self.block(slice(1))).all(axis=0)
        places = [place for place in np.flatnonzero(begun).tolist() if np.isnan(self.column(slice(None), place)).all()]
        return tuple(self.number_names[place] for place in places)

    @property
    def stored(self) -> StoredArray | None:
        """The numbers, if they stay in their file."""
        return self.numbers if isinstance(self.numbers, StoredArray) else None

    def block(self, rows: RowSelection) -> np.ndarray:
        """Return the numbers (n, F) of some rows, in the order of number_names."""
        values = self.numbers[rows]
        return values if self.columns is None else values[:, self.columns]

    def column(self, rows: RowSelection, position: int) -> np.ndarray:
        """Return the numbers (n,) of some rows in one column."""
        place = position if self.columns is None else self.columns[position]
        return self.numbers[rows, place] if isinstance(self.numbers, np.ndarray) else self.numbers.columns(rows, place)

    def without(self, names: Collection[str]) -> Table:
        """Return a table in which some columns are numbers, all missing."""
        numbers = (Numbers(one, whole=False) for one in self.each_column(slice(None)))
        columns: dict[str, Column] = {**self.texts, **dict(zip(self.number_names, numbers, strict=True))}
        columns |= {name: Numbers(np.full(len(self), np.nan), whole=False) for name in names}
        return table_from_columns({name: columns[name] for name in self.names}, len(self))

    def take(self, rows: np.ndarray) -> Table:
        """Return a table of some rows, in memory."""
        texts = {name: Texts(column.codes[rows], column.values) for name, column in self.texts.items()}
        return replace(self, numbers=self.numbers[rows], texts=texts)

    def each_column(self, rows: RowSelection) -> Iterator[np.ndarray]:
        """Yield the numbers (n,) of some rows, column by column; out of a file, many at a time."""
        if self.stored is None:
            yield from (self.column(rows, position) for position in range(len(self.number_names)))
            return
        places = np.arange(self.stored.shape[1]) if self.columns is None else self.columns
        count = max(1, available() // 16 // max(1, self.stored.dtype.itemsize * count_of(rows, len(self))))
        for first in range(0, len(places), count):
            yield from self.stored.columns(rows, places[first : first + count]).T

    def blocks(self, rows: RowSelection) -> list[RowSelection]:
        """Cut the rows into blocks whose numbers fit the cache as float64."""
        length = max(1, BLOCK_BYTES // (8 * max(1, len(self.number_names))))
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(len(self))
            return [slice(first, min(first + length, stop)) for first in range(start, stop, length)]
        return [rows[first : first + length] for first in range(0, len(rows), length)]


@dataclass(frozen=True)
class Raw:
    """One source as read.

    targets: the target columns by name, empty if they were not needed.  place: returns where a row stands, for
    messages.  weight: the column of weights, if the spec names one and the source has it.  keys: the columns that the
    split goes by.
    """

    table: Table
    targets: Mapping[str, Column]
    place: Callable[[int], str]
    delimiter: str | None = None
    notes: tuple[str, ...] = ()
    weight: Column | None = None
    keys: Mapping[str, Column] = field(default_factory=dict)

    def fix(self, reading: Reading, origin: str) -> Reading:
        """Return the reading for further sources, which must have these columns."""
        targets = [name for name, column in self.targets.items() if isinstance(column, Texts)]
        return reading.fix_columns(self.table.names, [*self.table.texts, *targets], origin, self.table.empty)

    def fault(self, row: SupportsIndex, column: str | None, what: str, key: str | None) -> DataError:
        """Return an error that says what is wrong with a cell, and where it stands."""
        return DataError(f"{self.place(int(row))}, column {quoted(column)}: {what}", key=key)

    def noted(self, note: str) -> Raw:
        """Return the same with one more note."""
        return replace(self, notes=(*self.notes, note))

    def take(self, rows: np.ndarray) -> Raw:
        """Return some rows, in memory, as a source of their own."""
        apart = {name: column.take(rows) for name, column in self.targets.items()}
        weight = None if self.weight is None else self.weight.take(rows)
        keys = {name: column.take(rows) for name, column in self.keys.items()}
        table, place = self.table.take(rows), self.place
        return replace(
            self, table=table, targets=apart, weight=weight, keys=keys, place=lambda row: place(int(rows[row]))
        )


def row_at(rows: RowSelection, place: int) -> int:
    """Return the number of the row at a place of a selection."""
    return (rows.start or 0) + place if isinstance(rows, slice) else int(rows[place])


def count_of(rows: RowSelection, total: int) -> int:
    """Return the number of rows selected."""
    return len(range(*rows.indices(total))) if isinstance(rows, slice) else len(rows)


def sample_of(rows: RowSelection, total: int, most: int) -> RowSelection:
    """Return evenly spaced rows of a selection, about `most` of them; all if there are no more."""
    count = count_of(rows, total)
    if count <= most:
        return rows
    step = -(-count // most)
    return np.arange(*rows.indices(total)[:2], step) if isinstance(rows, slice) else rows[::step]


def table_from_columns(columns: dict[str, Column], rows: int) -> Table:
    """Build a table from columns, and empty `columns` one by one so that the numbers are not held twice."""
    names = tuple(columns)
    texts = {name: column for name, column in columns.items() if isinstance(column, Texts)}
    number_names = [name for name in names if name not in texts]
    numbers = _common_matrix([column.values for column in columns.values() if isinstance(column, Numbers)])
    if numbers is None:
        numbers = np.empty((rows, len(number_names)), order="F")
        for position, name in enumerate(number_names):
            numbers[:, position] = columns.pop(name).values
    return Table(names, numbers, texts)


def _common_matrix(columns: Sequence[np.ndarray]) -> np.ndarray | None:
    """Return the matrix of float64 that these are the columns of, in order; None if they are no such columns."""
    base = columns[0].base if columns else None
    if not isinstance(base, np.ndarray) or base.dtype != np.float64 or base.ndim != 2 or base.shape[1] < len(columns):
        return None
    same = all(one.base is base and _same(one, base[:, place]) for place, one in enumerate(columns))
    return base[:, : len(columns)] if same else None


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether two arrays are the same memory."""
    return (one.ctypes.data, one.shape, one.strides) == (other.ctypes.data, other.shape, other.strides)


def raw_from_columns(
    columns: dict[str, Column],
    chosen: ChosenColumns,
    reading: Reading,
    where: str,
    place: Callable[[int], str],
    delimiter: str | None = None,
) -> Raw:
    """Build the raw rows from a table's columns by name, and empty `columns`."""
    keys = {name: columns[name] for name in chosen.keys}  # of which one may be a feature, a target or the weight
    targets = {name: drop_missing(columns.pop(name), reading.na) for name in chosen.targets}
    weight = columns.pop(chosen.weight[0]) if chosen.weight else None
    for name in set(keys).difference(chosen.features):
        columns.pop(name, None)
    for name, column in columns.items():
        columns[name] = settle(column, name, reading)
    table = table_from_columns(columns, len(next(iter(columns.values()))))
    return of_known_kinds(Raw(table, targets, place, delimiter, (), weight, keys), reading)


def check_numbers(raw: Raw, strict: Callable[[str], bool]) -> None:
    """Refuse infinite numbers, and missing ones in a column of which `strict` says that it has none."""
    if raw.table.numbers.dtype.kind != "f":
        return
    whole = np.array([strict(name) for name in raw.table.number_names], bool)
    for block in raw.table.blocks(slice(None)):
        values = raw.table.block(block)
        first = block.start if isinstance(block, slice) else 0
        _refuse(raw, first, np.isinf(values), INFINITE_NUMBER, None)
        if whole.any():
            _refuse(raw, first, np.isnan(values) & whole, MISSING_NUMBER, "data.missing")


INFINITE_NUMBER = "an infinite number; correct it or leave the column out"
MISSING_NUMBER = 'a missing number; fill it in, or set data.missing to "indicate" or "median", or leave the column out'


def _refuse(raw: Raw, first: int, wrong: np.ndarray, what: str, key: str | None) -> None:
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise raw.fault(first + row, raw.table.number_names[column], what, key)


def check_targets(raw: Raw) -> None:
    """Refuse a missing or infinite target."""
    for name, column in raw.targets.items():
        wrong, what = column.missing, "missing; fill it in"
        if not wrong.any() and isinstance(column, Numbers) and column.values.dtype.kind == "f":
            wrong, what = np.isinf(column.values), "infinite; correct it"
        if wrong.any():
            raise raw.fault(np.argmax(wrong), name, f"the target is {what} or leave the row out", "data.target")


OUTSIDE = {  # by the kind of target that a loss asks for: what it is not defined for, and what it takes
    "nonnegative": (lambda values: values < 0, "takes none below 0"),
    "positive": (lambda values: values <= 0, "takes those above 0"),
    "share": (lambda values: (values <= 0) | (values >= 1), "takes those between 0 and 1, without 0 and 1"),
    "binary": (lambda values: (values < 0) | (values > 1), "takes 0 and 1 there"),
}


def check_range(raw: Raw, kinds: Sequence[str]) -> None:
    """Refuse targets for which a loss is not defined.  kinds: what it asks for, one for each column, or none."""
    before: tuple[str, Column] | None = None
    for kind, (name, column) in zip(kinds, raw.targets.items(), strict=bool(kinds)):
        outside, takes = OUTSIDE.get(kind, (np.zeros_like, ""))
        wrong = outside(column.values) if isinstance(column, Numbers) else np.zeros(0, bool)
        if kind == "above" and before and isinstance(column, Numbers) and isinstance(before[1], Numbers):
            wrong, takes = column.values <= before[1].values, f"takes those above {quoted(before[0])} of its row"
        before = name, column
        if wrong.any():
            row = np.argmax(wrong)
            what = f"the target is {column.original[row]}, but this loss {takes}"
            raise raw.fault(row, name, f"{what}; correct it, or choose another loss", "loss")


def of_known_kinds(raw: Raw, reading: Reading) -> Raw:
    """Return rows of which each column holds what it holds in the training source; DataError for texts among numbers.

    Of a column that has no cell there nobody knows what it holds: its cells are missing.
    """
    table, counts = raw.table, {}
    for name in [name for name in table.texts if reading.is_decided(name) and not reading.is_text(name)]:
        column = table.texts[name]
        if name not in reading.empty:
            row = np.argmax(~column.missing)
            value = quoted(column.values[column.codes[row]])
            what = f"{value} is no number, but the column holds no text in {reading.origin}; correct the cell"
            raise raw.fault(row, name, what, None)
        counts[name] = counted(int((~column.missing).sum()), "text")
    for name in [name for name in reading.empty if name in table.number_names and reading.is_decided(name)]:
        found = int((~np.isnan(table.column(slice(None), table.number_names.index(name)))).sum())
        if found:
            counts[name] = counted(found, "number")
    for name, count in counts.items():
        raw = raw.noted(f"column {quoted(name)}: {count}, taken as missing, since {reading.origin} has no cell there")
    return replace(raw, table=table.without(counts)) if counts else raw
