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

from numbann.data.cells import NUMBER_CHARACTERS
from numbann.data.delimited.text import opened_text, rows_of
from numbann.data.files import InputFile

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
            next(rows_of(stream, format.delimiter))
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
