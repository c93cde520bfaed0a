"""Reads a delimited file as chunks of rows: as numbers where nothing else occurs, else as cells.

numpy.loadtxt is three times as fast as the csv module.  It reads the chunks for which both give the same result; a
chunk that it cannot read goes through the csv module, which finds the fault.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
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
    """Rows of plain numbers: numbers (rows, columns), and the lines that they were read from."""

    numbers: np.ndarray
    lines: list[str]
    delimiter: str

    def __len__(self) -> int:
        return len(self.numbers)

    @cached_property
    def _rows(self) -> list[list[str]]:
        return [line.split(self.delimiter) for line in self.lines if line.strip()]

    def cells(self, position: int, alone: bool) -> list[str]:
        """One column as it is written; alone: no other is asked for, so that the lines need not be kept in pieces."""
        if alone:
            return [line.split(self.delimiter)[position] for line in self.lines if line.strip()]
        return [row[position] for row in self._rows]


@dataclass(frozen=True)
class CellChunk:
    """Rows of arbitrary cells, by column."""

    columns: list[tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.columns[0])

    def cells(self, position: int, alone: bool) -> tuple[str, ...]:
        """One column as it is written."""
        return self.columns[position]


class RaggedRow(Exception):
    """A row has another number of cells than the header.  The reader then finds the row to report."""


def chunks(table: Delimited, width: int) -> Iterator[NumberChunk | CellChunk]:
    """Yield the rows of data in chunks, each row cut into `width` cells; empty chunks are skipped."""
    marks = any(map(is_number, table.reading.na))
    quick = table.delimiter not in QUICK_CHARACTERS and not marks and not table.reading.localized
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
    """Parse lines of plain numbers to (rows, columns); None if they may hold anything else."""
    text = "".join(lines)
    if not text.strip() or text.encode().translate(None, f"{QUICK_CHARACTERS}{delimiter}".encode()):
        return None
    try:
        return np.loadtxt(lines, delimiter=delimiter, comments=None, ndmin=2)
    except ValueError:
        return None


def _rows(lines: list[str], stream: TextIO, delimiter: str, width: int) -> list[list[str]]:
    """Cut the lines into rows; a quoted cell that is open at the end takes more lines from the stream."""
    rows = csv.reader(chain(lines, stream), delimiter=delimiter, strict=True)
    cells = []
    while rows.line_num < len(lines):
        cells.append(next(rows))
    if set(map(len, cells)) - {0, width}:
        raise RaggedRow
    return [row for row in cells if row]
