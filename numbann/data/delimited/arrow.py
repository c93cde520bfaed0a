"""Reads the columns of a table of text with pyarrow, where it gives what numbann's own reader gives.

pyarrow is many times as fast, but takes more for a number (inf, nan), strips less, and forgives quotes.  What it may
read in another way, and what it refuses, is left to the own reader, which then also finds the fault to report.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Collection, Sequence
from itertools import filterfalse, islice
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from numbann.data.cells import FRACTION_MARKS, GrowingColumn, MixedColumn, are_codes, is_number
from numbann.data.columns import Column, Numbers, Texts
from numbann.data.delimited.header import Delimited
from numbann.data.files import translate_errors
from numbann.data.memory import check_room

if TYPE_CHECKING:
    from pyarrow import ChunkedArray, Table

SMALLEST = 1 << 20  # bytes of a file that is worth the import of pyarrow
MOST_COLUMNS = 2000  # above, pyarrow's pieces of columns are too short to be fast
SAMPLE_ROWS = 100
MOST_READINGS = 4  # of one file; each but the first takes one more column as text
NO_NUMBER = re.compile(r"In CSV column #(\d+): CSV conversion error")
BOM = codecs.BOM_UTF8
QUOTE, ZERO, POINT, MINUS = b'"0.-'
MOST_IN_NUMBERS = ord("9") - POINT
PIECE = 1 << 17  # bytes that are looked at together, few enough to stay in the cache


class _Otherwise(Exception):
    """The own reader has to decide."""


def read_columns(table: Delimited, names: Sequence[str], wanted: Sequence[str]) -> dict[str, Column] | None:
    """Return the wanted columns by name; None where the own reader has to read them."""
    small, odd = table.file.size < SMALLEST, table.reading.localized or not table.delimiter.isascii()
    if small or odd or len(names) > MOST_COLUMNS:
        return None
    try:
        return _columns(table, names, wanted)
    except (ImportError, _Otherwise, MixedColumn):
        return None


def _columns(table: Delimited, names: Sequence[str], wanted: Sequence[str]) -> dict[str, Column]:
    """Read columns as numbers or texts as their first rows suggest; what is no number after all is read as text."""
    numeric, codes = _guess(table, names, wanted), set[str]()
    for _ in range(MOST_READINGS):
        read, wrong, padded = _read(table, names, wanted, numeric)
        if read is not None:
            found, wrong = _numbers(read, [name for name in wanted if name in numeric], table.reading.na)
            if padded and not codes:
                codes = {name for name in found if table.reading.may_be_codes(name) and _are_whole(found[name])}
                wrong = wrong | codes
            if not wrong:
                found |= {name: _texts(values, name, table) for name, values in read.items()}
                return {name: found[name] for name in wanted}
        numeric = numeric - wrong
    raise _Otherwise


def _guess(table: Delimited, names: Sequence[str], wanted: Sequence[str]) -> set[str]:
    """Return the columns that hold numbers in the first rows.

    A target must have a fraction there: whether whole numbers are written without one is a matter of their text.
    """
    rows = [cells for _, cells in islice(table.rows(), SAMPLE_ROWS)]
    if not rows or any(len(cells) != len(names) for cells in rows):
        raise _Otherwise
    seen = {name: column for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    found = set()
    for name in filterfalse(table.reading.is_text, wanted):
        texts = {cell.strip() for cell in seen[name]} - set(table.reading.na)
        fraction = any(mark in text for text in texts for mark in FRACTION_MARKS)
        if all(map(is_number, texts)) and (fraction or name not in (table.reading.targets or ())):
            found.add(name)
    return found


def _read(
    table: Delimited, names: Sequence[str], wanted: Sequence[str], numeric: Collection[str]
) -> tuple[dict[str, ChunkedArray] | None, set[str], bool]:
    """Return the columns as pyarrow reads them; or none, and the column that is not numeric.

    Also tell whether a cell begins with a zero and one more digit.
    """
    import pyarrow
    from pyarrow import csv

    text = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    na = [mark for one in table.reading.na for mark in ((one, f" {one}", f"{one} ") if one else ("", " "))]
    try:
        with translate_errors(table.file), table.file.open() as stream:
            read: Table = csv.read_csv(
                pyarrow.PythonFile(checked := _Checked(stream, table, len(wanted)), "r"),
                csv.ReadOptions(column_names=names, skip_rows=table.header_lines()),
                csv.ParseOptions(delimiter=table.delimiter, newlines_in_values=True),
                csv.ConvertOptions(
                    column_types={name: pyarrow.float64() if name in numeric else text for name in wanted},
                    include_columns=list(wanted),
                    null_values=na,
                ),
            )
    except pyarrow.ArrowInvalid as error:
        fault = NO_NUMBER.match(str(error))
        if fault is None:
            raise _Otherwise from None
        return None, {names[int(fault[1])]}, False
    if not len(read):
        raise _Otherwise
    return dict(zip(read.column_names, read.columns, strict=True)), set(), checked.padded


def _numbers(
    read: dict[str, ChunkedArray], names: Sequence[str], na: Sequence[str]
) -> tuple[dict[str, Column], set[str]]:
    """Return the columns of numbers, and those that hold what numbann reads as text or as missing; shrinks `read`.

    They are the columns of one matrix, so that nobody copies them again.  A target of them has a fraction: see _guess.
    """
    matrix = np.empty((len(next(iter(read.values()))), len(names)), order="F")
    marks, odd = [float(one) for one in na if is_number(one)], set()
    for place, name in enumerate(names):
        nulls, values, begin = read[name].null_count, matrix[:, place], 0
        for chunk in read.pop(name).chunks:
            values[begin : begin + len(chunk)] = chunk.to_numpy(zero_copy_only=False)
            begin += len(chunk)
        if np.isfinite(values).sum() + nulls < len(values) or any((values == mark).any() for mark in marks):
            odd.add(name)
    return {name: Numbers(matrix[:, place], whole=False) for place, name in enumerate(names)}, odd


def _are_whole(column: Column) -> bool:
    """Tell whether the numbers are whole, as those of codes are."""
    parts = (column.values[:SAMPLE_ROWS], column.values) if isinstance(column, Numbers) else ()
    return all(((part == np.floor(part)) | np.isnan(part)).all() for part in parts)


def _texts(values: ChunkedArray, name: str, table: Delimited) -> Column:
    """Convert a column read as text: each distinct text is looked at as the own reader does."""
    encoded = values.unify_dictionaries().combine_chunks()
    growing = GrowingColumn(frozenset(table.reading.na), as_text=table.reading.is_text(name))
    texts = encoded.dictionary.to_pylist()
    growing.add(texts)
    distinct, codes = growing.finish(), encoded.indices.to_numpy()
    if growing.padded and table.reading.may_be_codes(name):
        known = GrowingColumn(frozenset(table.reading.na), as_text=True)
        known.add(texts)
        written = known.finish()
        distinct = written if isinstance(written, Texts) and are_codes(written.values) else distinct
    if isinstance(distinct, Numbers):
        return Numbers(distinct.values[codes], distinct.whole)
    return Texts(distinct.codes[codes], distinct.values)


class _Checked(io.RawIOBase):
    """The bytes of a table, refused where pyarrow and the csv module may differ: in quotes and in their encoding.

    Quotes are plain where each cell has none, or begins and ends with one and has pairs of them within.
    """

    def __init__(self, stream: BinaryIO, table: Delimited, columns: int) -> None:
        self._stream, self._table, self._columns = stream, table, columns
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._ends = np.frombuffer(f'{table.delimiter}\r\n"'.encode(), np.uint8)
        self._begins = np.append(self._ends, np.frombuffer(b" \t", np.uint8))
        self._quotes, self._count, self._last = 0, 0, b"\n\n"
        self._rows, self._rows_to_check = 0, 0
        self.padded, self._before = False, b"\n\n"

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Read some bytes."""
        content = self._stream.read(size)
        try:
            if not content.isascii() or self._decoder.getstate()[0] or not content:
                self._decoder.decode(content, final=not content)
        except UnicodeDecodeError:
            raise _Otherwise from None
        self._check_room(content)
        self._look_for_codes(content.removeprefix(BOM) if not self._count else content)
        self._check_quotes(content.removeprefix(BOM) if not self._count else content)
        self._count += len(content)
        if not content and self._quotes % 2:
            raise _Otherwise
        return content

    def _check_room(self, content: bytes) -> None:
        self._rows += content.count(b"\n")
        if self._rows < self._rows_to_check:
            return
        self._rows_to_check = self._rows + self._rows // 8  # since looking at the memory takes time
        size = 8 * self._rows * self._columns // 2  # that the inputs made of the columns take beside them
        file = self._table.file
        check_room(size, f"{file.name}, inputs of {self._rows} rows and more", file.key, "leave columns out")

    def _look_for_codes(self, content: bytes) -> None:
        """Look for codes piece by piece; the last bytes of a piece are looked at again with the next one."""
        if self.padded:
            return
        seam, seen = np.frombuffer(self._before + content[:3], np.uint8), np.frombuffer(content, np.uint8)
        pieces = (seen[first : first + PIECE + 3] for first in range(0, len(seen), PIECE))
        self.padded = any(map(self._has_code, (seam, *pieces)))
        self._before = (self._before + content[-3:])[-3:]

    def _has_code(self, seen: np.ndarray) -> bool:
        """Tell whether a zero and one more digit follow the beginning of a cell."""
        places = np.flatnonzero((seen[1:-1] == ZERO) & (seen[2:] - ZERO < 10) & (seen[:-2] - POINT > MOST_IN_NUMBERS))
        before = np.where(seen[places] == MINUS, seen[np.maximum(places, 1) - 1], seen[places])
        return bool(np.isin(before, self._begins).any())

    def _check_quotes(self, content: bytes) -> None:
        """Look at each quote with its neighbours; the last byte is looked at with the next ones."""
        if b'"' not in content and b'"' not in self._last:
            self._last = (self._last + content[-2:])[-2:]
            return
        seen = np.frombuffer(self._last + (content or b"\n"), np.uint8)
        places = np.flatnonzero(seen[1:-1] == QUOTE) + 1
        opening = (self._quotes + np.arange(len(places))) % 2 == 0
        neighbours = seen[np.where(opening, places - 1, places + 1)]
        if not np.isin(neighbours, self._ends).all():
            raise _Otherwise
        self._quotes, self._last = self._quotes + len(places), seen[-2:].tobytes()
