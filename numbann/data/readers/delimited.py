"""Tables of text, .csv and .tsv: chunks of rows become columns, in one pass.  It guesses no encoding: UTF-8 only.

Rows are counted as lines of the file, the header included; empty lines are skipped.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice

from numbann.data.cells import GrowingColumn, MixedColumn, is_infinite, is_number
from numbann.data.columns import Column
from numbann.data.readers.chunks import (
    QUICK_CHARACTERS,
    CellChunk,
    ChunkFormat,
    NumberChunk,
    RaggedRow,
    chunks,
    numbered_rows,
    opened_text,
)
from numbann.data.readers.files import InputFile
from numbann.data.reading import Reading, choose_features, choose_targets, choose_weight
from numbann.data.table import Raw, same_kinds, table_from_columns
from numbann.data.wording import counted, quoted
from numbann.errors import DataError

DELIMITERS = (",", "\t", ";", "|")
SAMPLE_ROWS = 50


def read_delimited(file: InputFile, format: str, reading: Reading, need_target: bool) -> Raw:
    """Read the columns that are asked for."""
    table = Delimited(file, _delimiter(file, format, reading), reading)
    names = table.names()
    features = choose_features(reading, names, listed_features=True, where=file.name)
    targets = choose_targets(reading, names, file.name) if need_target else ()
    weights = choose_weight(reading, names, [*features, *targets], file.name) if need_target else ()
    columns = table.columns(names, [*features, *weights], targets)
    target_columns = {name: columns.pop(name) for name in targets}
    weight = columns.pop(weights[0]) if weights else None
    numbers = table_from_columns(columns, len(next(iter(columns.values()))))
    raw = Raw(numbers, target_columns, table.place, format, table.delimiter, _notes(file, features), weight)
    same_kinds(raw, reading)
    return raw


def _notes(file: InputFile, features: Sequence[str]) -> tuple[str, ...]:
    note = f'{file.name}: a column without a name is used as a feature (leave it out with "drop": [""])'
    return (note,) if "" in features else ()


@dataclass(frozen=True)
class Delimited:
    """One file with its delimiter and settings; each walk over it opens it anew."""

    file: InputFile
    delimiter: str
    reading: Reading

    def names(self) -> tuple[str, ...]:
        """The names of the columns, as the header or the spec gives them."""
        _, first = next(numbered_rows(self.file, self.delimiter), (0, None))
        if first is None:
            raise DataError(f"{self.file.name} is empty; a table needs at least one row", key=self.file.key)
        if self.reading.header is False:
            return tuple(str(position) for position in range(len(first)))
        names = tuple(name.strip() for name in first) if self.reading.header is True else self.reading.header
        return self._distinct(names)

    def columns(self, names: Sequence[str], features: Sequence[str], targets: Sequence[str]) -> dict[str, Column]:
        """The features and targets by name.  Of targets and categories it matters how they are written."""
        as_text, na = self.reading.text_columns, frozenset(self.reading.na)
        growing = {name: GrowingColumn(na, as_text=name in as_text) for name in [*features, *targets]}
        positions = {name: names.index(name) for name in growing}
        literal = as_text | set(targets)
        for chunk in self._chunks(len(names)):
            for name, column in growing.items():
                with self._explained(name, positions[name]):
                    if isinstance(chunk, NumberChunk) and name not in literal:
                        column.add_numbers(chunk.numbers[:, positions[name]])
                    else:
                        column.add(chunk.cells(positions[name]))
        return {name: self._finished(name, growing.pop(name), positions[name]) for name in [*growing]}

    def place(self, row: int) -> str:
        """`wine.csv row 17`: the line on which that row of data starts."""
        line, _ = next(islice(self._data(), row, None))
        return f"{self.file.name} row {line}"

    def _distinct(self, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if names.count(name) > 1:
                raise DataError(
                    f"{self.file.name}: two columns are named {quoted(name)}; rename one", key=self.file.key
                )
        return names

    def _finished(self, name: str, column: GrowingColumn, position: int) -> Column:
        with self._explained(name, position):
            return column.finish()

    def _chunks(self, width: int) -> Iterator[NumberChunk | CellChunk]:
        quick = self.delimiter not in QUICK_CHARACTERS and not any(map(is_number, self.reading.na))
        found = False
        try:
            for chunk in chunks(self.file, ChunkFormat(self.delimiter, width, self.reading.header is True, quick)):
                found = True
                yield chunk
        except RaggedRow:
            raise DataError(self._ragged(width)) from None
        if not found:
            raise DataError(f"{self.file.name} has a header but no rows; add rows", key=self.file.key)

    def _ragged(self, width: int) -> str:
        line, cells = next((line, cells) for line, cells in self._data() if len(cells) != width)
        return (
            f"{self.file.name} row {line}: {counted(len(cells), 'cell')} where {width} are expected "
            f"(delimiter {quoted(self.delimiter)}); correct the row, or data.csv"
        )

    def _data(self) -> Iterator[tuple[int, list[str]]]:
        """Each row of data with the line on which it starts: the slow walk, for messages."""
        return islice(numbered_rows(self.file, self.delimiter), int(self.reading.header is True), None)

    @contextmanager
    def _explained(self, name: str, position: int) -> Iterator[None]:
        """Turn a column that cannot be read into an error that names the cell."""
        try:
            yield
        except MixedColumn:
            raise DataError(self._fault(name, position)) from None

    def _fault(self, name: str, position: int) -> str:
        """The first cell that is unlike the first one, or too large."""
        first: tuple[int, bool] | None = None
        for line, text in ((line, cells[position].strip()) for line, cells in self._data()):
            where = f"{self.file.name} row {line}, column {quoted(name)}: {quoted(text)}"
            if text in self.reading.na:
                continue
            if is_infinite(text):
                return f"{where} is too large a number; correct the cell"
            first = first or (line, is_number(text))
            if is_number(text) != first[1]:
                advice = "" if name == self.reading.weight else f", {_advice(text, name)}"
                return f"{where} {_mixed(text)} (row {first[0]}); correct the cell{advice}"
        raise AssertionError(f"column {name} is not mixed")


def _mixed(text: str) -> str:
    return "is a number in a column of text" if is_number(text) else "is no number in a column of numbers"


def _advice(text: str, name: str) -> str:
    missing = "" if is_number(text) else f"add {quoted(text)} to data.csv.na, "
    return f"{missing}or add {quoted(name)} to data.categorical"


def _delimiter(file: InputFile, format: str, reading: Reading) -> str:
    """The given one; else a tab for .tsv, and for .csv the one that cuts the first rows alike, into most cells."""
    if reading.delimiter == "auto":
        return "\t" if format == "tsv" else max(DELIMITERS, key=partial(_fitness, file))
    if len(reading.delimiter) != 1 or reading.delimiter in '"\r\n':
        raise DataError(
            f"the delimiter is {quoted(reading.delimiter)}; it must be one character, and no quote",
            key="data.csv.delimiter",
        )
    return reading.delimiter


def _fitness(file: InputFile, delimiter: str) -> tuple[bool, int]:
    """Whether all of the first rows have the same number of cells, above one; how many cells the first has."""
    with opened_text(file, delimiter) as stream:
        try:
            rows = islice(csv.reader(stream, delimiter=delimiter, strict=True), SAMPLE_ROWS)
            widths = [len(row) for row in rows if row]
        except csv.Error:
            return False, 0
    return len(set(widths)) == 1 and widths[0] > 1, widths[0] if widths else 0
