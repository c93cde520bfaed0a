"""A delimited file as chunks of rows: at once as numbers where nothing else occurs, else as cells.  It names no column.

The quick way (numpy.loadtxt, three times as fast) is taken where both ways give the same; whatever fails there is read
again the thorough way, which finds the fault.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TextIO

import numpy as np

from numbann.data.cells import NUMBER_CHARACTERS
from numbann.data.readers.files import InputFile, failing_clearly
from numbann.errors import DataError

CHUNK_CHARACTERS = 1 << 22
QUICK_CHARACTERS = f"{NUMBER_CHARACTERS} \r\n"


@dataclass(frozen=True)
class ChunkFormat:
    """How rows are cut: into `width` cells; `quick` if plain numbers may be taken as numbers."""

    delimiter: str
    width: int
    header: bool
    quick: bool

    @property
    def quick_bytes(self) -> bytes:
        return (QUICK_CHARACTERS + self.delimiter).encode()


@dataclass(frozen=True)
class NumberChunk:
    """Rows of plain numbers: numbers (rows, columns), and the lines they were read from."""

    numbers: np.ndarray
    lines: list[str]
    delimiter: str

    def cells(self, position: int) -> list[str]:
        """One column as it is written."""
        return [line.split(self.delimiter)[position] for line in self.lines if line.strip()]


@dataclass(frozen=True)
class CellChunk:
    """Rows of any cells, by column."""

    columns: list[tuple[str, ...]]

    def cells(self, position: int) -> tuple[str, ...]:
        """One column as it is written."""
        return self.columns[position]


class RaggedRow(Exception):
    """A row of another width than the header's: the reader finds it and says so."""


def chunks(file: InputFile, format: ChunkFormat) -> Iterator[NumberChunk | CellChunk]:
    """The rows of data; chunks without any are left out."""
    with opened_text(file, format.delimiter) as stream:
        if format.header:
            next(_numbered(stream, format.delimiter))
        while lines := stream.readlines(CHUNK_CHARACTERS):
            numbers = _numbers(lines, format)
            if numbers is not None:
                yield NumberChunk(numbers, lines, format.delimiter)
            elif rows := _rows(lines, stream, format):
                yield CellChunk(list(zip(*rows, strict=True)))


def _numbers(lines: list[str], format: ChunkFormat) -> np.ndarray | None:
    """(rows, columns), None where anything but plain numbers may occur."""
    text = "".join(lines)
    if not format.quick or not text.strip() or text.encode().translate(None, format.quick_bytes):
        return None
    try:
        numbers = np.loadtxt(lines, delimiter=format.delimiter, comments=None, ndmin=2)
    except ValueError:
        return None
    return numbers if numbers.shape[1] == format.width else None


def _rows(lines: list[str], stream: TextIO, format: ChunkFormat) -> list[list[str]]:
    """The rows of the lines; a quoted cell that is open at their end takes more lines from the stream."""
    rows = csv.reader(chain(lines, stream), delimiter=format.delimiter, strict=True)
    cells = []
    while rows.line_num < len(lines):
        cells.append(next(rows))
    if set(map(len, cells)) - {0, format.width}:
        raise RaggedRow
    return [row for row in cells if row]


def numbered_rows(file: InputFile, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line on which it starts, 1 being the first, the header's too; empty lines are left out."""
    with opened_text(file, delimiter) as stream:
        yield from _numbered(stream, delimiter)


def _numbered(stream: TextIO, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    rows = csv.reader(stream, delimiter=delimiter, strict=True)
    line = 1
    for cells in rows:
        if cells:
            yield line, cells
        line = rows.line_num + 1


@contextmanager
def opened_text(file: InputFile, delimiter: str) -> Iterator[TextIO]:
    """The file as UTF-8 text; faults of encoding and quotes become one line each."""
    with failing_clearly(file), file.open() as stream:
        try:
            yield io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{file.name} row {_undecodable_line(file)}: not UTF-8 text; save the table as UTF-8", key=file.key
            ) from error
        except csv.Error as error:
            raise DataError(
                f"{file.name} row {_faulty_line(file, delimiter)}: {error}; check the quotes of the row", key=file.key
            ) from error


def _undecodable_line(file: InputFile) -> int:
    with file.open() as stream:
        return next(number for number, line in enumerate(stream, 1) if not _is_utf8(line))


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _faulty_line(file: InputFile, delimiter: str) -> int:
    """The line on which the row starts that the csv module refuses."""
    last = 0
    with file.open() as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        rows = csv.reader(text, delimiter=delimiter, strict=True)
        try:
            for _ in rows:
                last = rows.line_num
        except csv.Error:
            pass
    return last + 1
