"""Reads a delimited file as chunks of rows, whose cells are found by a compiled kernel or by the csv module.

The kernel is many times as fast, and reads plain numbers too.  It takes chunks without quotes and faults; a small file
is not worth the import of the compiler.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from typing import TextIO

import numpy as np

from numbann.data.cells import NUMBER_CHARACTERS, is_number
from numbann.data.delimited.header import Delimited
from numbann.data.delimited.text import open_text, rows_of
from numbann.records import dataclass

CHUNK_CHARACTERS = 1 << 22
SMALLEST = CHUNK_CHARACTERS  # of a file that is worth the import of the compiler


@dataclass(frozen=True)
class NumberChunk:
    """Rows as numbers (columns, rows), NaN where a cell is no plain number; and the text, with the ends of its cells.

    A cell begins after the end of the one before it: ends (rows, columns + 1).
    """

    numbers: np.ndarray
    text: bytes
    ends: np.ndarray

    def __len__(self) -> int:
        return len(self.ends)

    def cells(self, position: int, rows: np.ndarray | slice = slice(None)) -> list[str]:
        """One column, or some rows of it, as it is written."""
        begins, ends = self.ends[rows, position] + 1, self.ends[rows, position + 1]
        return [self.text[begin:end].decode() for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]


@dataclass(frozen=True)
class CellChunk:
    """Rows of arbitrary cells, by column."""

    columns: list[tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.columns[0])

    def cells(self, position: int) -> tuple[str, ...]:
        """One column as it is written."""
        return self.columns[position]


class RaggedRow(Exception):
    """A row has another number of cells than the header.  The reader then finds the row to report."""


def chunks(table: Delimited, width: int) -> Iterator[NumberChunk | CellChunk]:
    """Yield the rows of data in chunks, each row cut into `width` cells; empty chunks are skipped."""
    marks = any(map(is_number, table.reading.na))
    plain = table.delimiter.isascii() and table.delimiter not in NUMBER_CHARACTERS
    quick, begun = plain and not marks and not table.reading.localized, False
    with open_text(table.file, table.delimiter) as stream:
        if table.reading.header is True:
            next(rows_of(stream, table.delimiter))
        while lines := stream.readlines(CHUNK_CHARACTERS):
            text = "".join(lines)
            quick = quick and (begun or len(text) >= SMALLEST)
            begun = True
            found = _numbers(text, table.delimiter, width) if quick and '"' not in text else None
            rows = _rows(lines, stream, table.delimiter, width) if found is None else []
            if found or rows:
                yield found or CellChunk(list(zip(*rows, strict=True)))


def _numbers(text: str, delimiter: str, width: int) -> NumberChunk | None:
    """Read a text without quotes; None where the csv module has to find the fault."""
    from numbann.simd.cells import read_cells  # here, since small files are read without the compiler

    content = text.encode()
    found = read_cells(content, delimiter, width)
    if found is None or np.diff(found[1]).max(initial=0) > csv.field_size_limit():
        return None
    return NumberChunk(found[0], content, found[1])


def _rows(lines: list[str], stream: TextIO, delimiter: str, width: int) -> list[list[str]]:
    """Cut the lines into rows; a quoted cell that is open at the end takes more lines from the stream."""
    rows = csv.reader(chain(lines, stream), delimiter=delimiter, strict=True)
    cells = []
    while rows.line_num < len(lines):
        cells.append(next(rows))
    if set(map(len, cells)) - {0, width}:
        raise RaggedRow
    return [row for row in cells if row]
