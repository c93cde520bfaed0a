"""The header of a table of text: its delimiter, the names of its columns, and where its rows stand."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice

from numbann.data.delimited.cleaned import clean
from numbann.data.delimited.text import numbered_rows, open_text
from numbann.data.files import InputFile
from numbann.data.inside import require_text
from numbann.data.reading import Reading, check_distinct
from numbann.data.wording import quoted
from numbann.errors import DataError
from numbann.records import dataclass

SAMPLE_ROWS = 50


@dataclass(frozen=True)
class Delimited:
    """One file with its delimiter and settings.  Each method opens the file anew."""

    file: InputFile
    delimiter: str
    reading: Reading

    def names(self) -> tuple[str, ...]:
        """Return the names of the columns, as the header or the spec gives them."""
        _, first = next(numbered_rows(self.file, self.delimiter), (0, None))
        if first is None:
            raise self.file.fault(" is empty; a table needs at least one row")
        given = self.reading.header
        if given is False:
            return tuple(str(position) for position in range(len(first)))
        return check_distinct([name.strip() for name in first] if given is True else given, self.file)

    def header_lines(self) -> int:
        """Return the number of lines before the rows of data: the header's, and empty ones above it."""
        if self.reading.header is not True:
            return 0
        with open_text(self.file, self.delimiter) as stream:
            rows = csv.reader(stream, delimiter=self.delimiter, strict=True)
            next(filter(None, rows), None)
            return rows.line_num

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each row of data with the line on which it starts; slow, for messages only."""
        return islice(numbered_rows(self.file, self.delimiter), int(self.reading.header is True), None)

    def place(self, row: int) -> str:
        """Return `wine.csv row 17`, the line on which a row of data starts."""
        line, _ = next(islice(self.rows(), row, None), (row + 1, []))  # unless the file has changed
        return f"{self.file.name} row {line}"


def open_table(file: InputFile, delimiters: Sequence[str], reading: Reading) -> Delimited:
    """Open a table with the spec's delimiter, else with the one of `delimiters` that fits the first rows best."""
    require_text(file, known_encoding=reading.encoding.lower() not in ("utf-8", "utf8"))
    file = clean(file, reading)
    if reading.delimiter == "auto":
        open_ones = [one for one in delimiters if one not in (reading.decimal, reading.thousands)] or list(delimiters)
        fits = partial(_fitness, file)
        found = max(open_ones, key=fits) if len(open_ones) > 1 else open_ones[0]
        if len(open_ones) < len(delimiters) and not fits(found)[0]:  # the commas within numbers may be quoted
            found = max(found, *delimiters, key=fits)
        return Delimited(file, found, reading)
    if len(reading.delimiter) != 1 or reading.delimiter in '"\r\n':
        raise DataError(
            f"the delimiter is {quoted(reading.delimiter)}; it must be one character, and no quote",
            key="data.csv.delimiter",
        )
    return Delimited(file, reading.delimiter, reading)


def _fitness(file: InputFile, delimiter: str) -> tuple[bool, int]:
    """Return whether the first rows all have the same number of cells, above one, and how many the first row has."""
    widths: list[int] = []
    with open_text(file, delimiter) as stream:
        try:
            rows = islice(csv.reader(stream, delimiter=delimiter, strict=True), SAMPLE_ROWS)
            widths.extend(len(row) for row in rows if row)
        except csv.Error:
            return False, widths[0] if widths else 0
    return len(set(widths)) == 1 and widths[0] > 1, widths[0] if widths else 0
