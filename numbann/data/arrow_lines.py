"""Reads the columns of JSON lines with pyarrow, where it gives what numbann's own reader gives.

pyarrow is many times as fast, but takes NaN and Infinity for numbers, and objects that share a line or lie across
several.  What it may read in another way, and what it refuses, is left to the own reader, which finds the fault.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from numbann.data.arrow_table import column_from_arrow
from numbann.data.columns import Column, Numbers, Texts
from numbann.data.files import InputFile, translate_errors
from numbann.data.kinds import drop_missing
from numbann.data.reading import ChosenColumns, Reading

if TYPE_CHECKING:
    from pyarrow import ChunkedArray

SMALLEST = 1 << 20  # bytes of a file that is worth the import of pyarrow
KINDS = {(str,): "string", (bool,): "bool", (int,): "int64", (float,): "double", (float, int): "double"}


class _Otherwise(Exception):
    """The own reader has to decide."""


def read_columns(
    file: InputFile, first: Sequence[Mapping[str, Any]], names: Sequence[str], chosen: ChosenColumns, reading: Reading
) -> dict[str, Column] | None:
    """Return the chosen columns by name; None where the own reader has to read them.  first: the first rows."""
    if file.size < SMALLEST:
        return None
    try:
        kinds = {name: _kind(row.get(name) for row in first) for name in names}
        wanted = {name: kinds[name] for name in chosen.every}
        if any(kind != "string" and reading.is_text(name) for name, kind in wanted.items()):
            return None  # the texts of numbers depend on how they are written
        inputs = [name for name, kind in kinds.items() if kind == "int64" and name not in chosen.exact]
        read = _read(file, kinds | dict.fromkeys(inputs, "double"))
        return {name: _column(read[name], name, reading) for name in wanted}
    except (ImportError, _Otherwise):
        return None


def _kind(cells: Iterable[Any]) -> str:
    """Return Arrow's name of the type of some cells."""
    types = sorted({type(cell) for cell in cells if cell is not None}, key=lambda one: one.__name__)
    kind = KINDS.get(tuple(types))
    if kind is None:  # there are none, or of several kinds
        raise _Otherwise
    return kind


def _read(file: InputFile, kinds: Mapping[str, str]) -> Any:
    """Return the table of pyarrow, in which every column is of its kind."""
    import pyarrow
    from pyarrow import json

    schema = pyarrow.schema([(name, pyarrow.type_for_alias(kind)) for name, kind in kinds.items()])
    try:
        with translate_errors(file), file.open() as stream:
            checked = _Checked(stream)
            read = json.read_json(
                pyarrow.PythonFile(checked, "r"),
                parse_options=json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
            )
    except (pyarrow.ArrowException, UnicodeDecodeError):
        raise _Otherwise from None
    if len(read) != checked.lines:
        raise _Otherwise
    return read


def _column(values: ChunkedArray, name: str, reading: Reading) -> Column:
    """Convert a column; refuse what the own reader takes otherwise: nan and infinity, and -0, which it reads as 0."""
    column = drop_missing(column_from_arrow(values, name, reading.is_text(name), name), reading.na)
    if isinstance(column, Texts):
        alone = column.missing.all() and not reading.is_text(name)
        return Numbers(np.full(len(column), np.nan), whole=True) if alone else column
    numbers = column.values if column.values.dtype.kind == "b" else column.values.astype(np.float64, copy=False)
    if numbers.dtype.kind == "f":
        odd = len(numbers) - values.null_count - np.isfinite(numbers).sum()
        if odd or (np.signbit(numbers) & (numbers == 0)).any():
            raise _Otherwise
    return Numbers(numbers, column.whole)


class _Checked(io.RawIOBase):
    """The bytes of JSON lines, refused unless they are UTF-8 and every line begins with { and ends with }.

    lines: how many there are; if there are as many rows, each line has its own.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._decoder = stream, codecs.getincrementaldecoder("utf-8")()
        self.lines, self._last = 0, b"}\n"

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Read some bytes."""
        content = self._stream.read(size)
        if not content.isascii() or self._decoder.getstate()[0] or not content:
            self._decoder.decode(content, final=not content)
        seen = self._last + content
        ends = seen.count(b"\n", 1, -1)
        if b"\r" in content or ends != seen.count(b"}\n{") or (not content and self._last.strip(b"\n")[-1:] != b"}"):
            raise _Otherwise
        self.lines, self._last = self.lines + ends, seen[-2:]
        return content
