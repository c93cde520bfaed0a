"""A delimited file as chunks of rows: at once as numbers where nothing else occurs, else as cells.  It names no column.

The quick way (numpy.loadtxt, three times as fast) is taken where both ways give the same; whatever fails there is read
again the thorough way, which finds the fault.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TextIO

import numpy as np

from numbann.data.cells import NUMBER_CHARACTERS, is_number
from numbann.data.delimited.header import Delimited
from numbann.data.delimited.text import open_text, rows_of

CHUNK_CHARACTERS = 1 << 22
QUICK_CHARACTERS = f"{NUMBER_CHARACTERS} \r\n"


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


def chunks(table: Delimited, width: int) -> Iterator[NumberChunk | CellChunk]:
    """The rows of data, cut into `width` cells; chunks without any are left out."""
    quick = table.delimiter not in QUICK_CHARACTERS and not any(map(is_number, table.reading.na))
    with open_text(table.file, table.delimiter) as stream:
        if table.reading.header is True:
            next(rows_of(stream, table.delimiter))
        while lines := stream.readlines(CHUNK_CHARACTERS):
            numbers = _numbers(lines, table.delimiter) if quick else None
            if numbers is not None and numbers.shape[1] == width:
                yield NumberChunk(numbers, lines, table.delimiter)
            elif rows := _rows(lines, stream, table.delimiter, width):
                yield CellChunk(list(zip(*rows, strict=True)))


def _numbers(lines: list[str], delimiter: str) -> np.ndarray | None:
    """(rows, columns), None where anything but plain numbers may occur."""
    text = "".join(lines)
    if not text.strip() or text.encode().translate(None, f"{QUICK_CHARACTERS}{delimiter}".encode()):
        return None
    try:
        return np.loadtxt(lines, delimiter=delimiter, comments=None, ndmin=2)
    except ValueError:
        return None


def _rows(lines: list[str], stream: TextIO, delimiter: str, width: int) -> list[list[str]]:
    """The rows of the lines; a quoted cell that is open at their end takes more lines from the stream."""
    rows = csv.reader(chain(lines, stream), delimiter=delimiter, strict=True)
    cells = []
    while rows.line_num < len(lines):
        cells.append(next(rows))
    if set(map(len, cells)) - {0, width}:
        raise RaggedRow
    return [row for row in cells if row]
