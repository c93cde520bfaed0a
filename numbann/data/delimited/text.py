"""Reads a file as UTF-8 text and as rows of cells; errors name the line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, TextIO

from numbann.data.files import InputFile, translate_errors

OPEN = "a quote opens a cell in this row, and none closes it; close the quotes, or double one that is meant as it is"
LONGEST_LINE = 1 << 26  # bytes


def numbered_rows(file: InputFile, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row, the header included, with the line on which it starts, from 1; empty lines are skipped."""
    with open_text(file, delimiter) as stream:
        yield from rows_of(stream, delimiter)


def rows_of(stream: TextIO, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row of an open file with the line on which it starts."""
    rows = csv.reader(stream, delimiter=delimiter, strict=True)
    line = 1
    for cells in rows:
        if cells:
            yield line, cells
        line = rows.line_num + 1


@contextmanager
def open_text(file: InputFile, delimiter: str) -> Iterator[TextIO]:
    """Open the file as UTF-8 text; errors of encoding and of quotes become one line each."""
    with translate_errors(file), _lines_of(file) as stream:
        try:
            yield io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        except UnicodeDecodeError as error:
            place, remedy = _undecodable_line(file), 'save it as UTF-8, or set data.csv.encoding, such as to "cp1252"'
            raise file.fault(f" row {place}: not UTF-8 text; {remedy}") from error
        except csv.Error as error:
            reason = OPEN if str(error).startswith("unexpected end") else f"{error}; check the quotes of the row"
            raise file.fault(f" row {_faulty_line(file, delimiter)}: {reason}") from error


class Lines(io.RawIOBase):
    """The bytes of a text file, refused where a line goes on and on: a line is read whole."""

    def __init__(self, stream: BinaryIO, file: InputFile) -> None:
        self._stream, self._file, self._length = stream, file, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes."""
        content = self._stream.read1(len(buffer))  # type: ignore[attr-defined]  # every stream of ours has it
        buffer[: len(content)] = content
        ends = b"\n" in content or b"\r" in content
        self._length = 0 if ends else self._length + len(content)
        if self._length > LONGEST_LINE:
            raise self._file.fault(f" has a line of more than {LONGEST_LINE >> 20} MB; is it a table of text?")
        return len(content)


@contextmanager
def _lines_of(file: InputFile) -> Iterator[BinaryIO]:
    with file.open() as stream:
        yield io.BufferedReader(Lines(stream, file), 1 << 16)


def _undecodable_line(file: InputFile) -> int:
    with _lines_of(file) as stream:
        wrong = (number for number, line in enumerate(stream, 1) if line.decode(errors="ignore").encode() != line)
        return next(wrong, 1)


def _faulty_line(file: InputFile, delimiter: str) -> int:
    """Return the line on which the row that the csv module refuses starts."""
    last = 0
    with _lines_of(file) as stream, suppress(csv.Error):
        rows = csv.reader(io.TextIOWrapper(stream, "utf-8-sig", newline=""), delimiter=delimiter, strict=True)
        for _ in rows:
            last = rows.line_num
    return last + 1
