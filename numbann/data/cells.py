"""Converts the cells of a text file to columns: a strict grammar of numbers, and columns that grow chunk by chunk.

A number is ASCII digits with an optional sign, point and exponent.  Whatever else Python's float() accepts (1_000,
infinity, digits of other scripts) is text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import field
from math import isinf, nan

import numpy as np

from numbann.data.columns import MISSING, Column, Numbers, Texts
from numbann.records import dataclass

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
NUMBER_CHARACTERS = "0123456789+-.eE"
NUMBER_BYTES = f"{NUMBER_CHARACTERS}\n".encode()
FRACTION_MARKS = (".", "e", "E")
WHOLE = re.compile(r"[+-]?[0-9]+")
CODE = re.compile(r"-?0[0-9]+")
ZERO_FIRST = re.compile(r"0[0-9](?<![0-9.eE]0[0-9])(?<![eE][+-]0[0-9])")  # what any text with a code has; quick


class MixedColumn(Exception):
    """A column holds both numbers and text, or a number beyond float64.  The reader then finds the cell to report."""


def is_number(text: str) -> bool:
    """Tell whether the stripped text is a number of the grammar."""
    return NUMBER.fullmatch(text) is not None


def is_infinite(text: str) -> bool:
    """Tell whether the stripped text is a number too large for float64, such as 1e400."""
    return is_number(text) and isinf(float(text))


def are_codes(texts: Collection[str]) -> bool:
    """Tell whether whole numbers are codes, such as postcodes: one of them begins with a zero that is not all of it."""
    return any(map(CODE.fullmatch, texts)) and all(map(WHOLE.fullmatch, texts))


def _parse_plain(joined: str, cells: Sequence[str]) -> np.ndarray | None:
    """Parse many distinct cells fast: where only characters of numbers occur, float() accepts just the grammar."""
    if joined.encode().translate(None, NUMBER_BYTES):
        return None
    try:
        return np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:  # such as "" or "1-2"
        return None


def _look_up(
    cells: Sequence[str], distinct: set[str], na: Collection[str], plain: Callable[[str], str]
) -> np.ndarray | None:
    """Parse each distinct cell once: strip it, compare it with `na`, and check it against the grammar."""
    stripped = {cell: cell.strip() for cell in distinct}
    numbers = {text: plain(text) for text in stripped.values() if text not in na}
    if not all(map(is_number, numbers.values())):
        return None
    values = {cell: nan if text in na else float(numbers[text]) for cell, text in stripped.items()}
    return np.fromiter(map(values.__getitem__, cells), np.float64, len(cells))


@dataclass
class GrowingColumn:
    """One column while its file is being read.

    as_text: numbers are categories too.  plain: writes a number with a decimal point alone, if it may be written
    otherwise.  padded: a number begins with a zero that is not all of it, so that the column may hold codes.
    """

    na: frozenset[str]
    as_text: bool = False
    plain: Callable[[str], str] | None = None
    whole: bool = True
    padded: bool = False
    chunks: list[np.ndarray] = field(default_factory=list)
    known: dict[str, int] = field(default_factory=dict)

    def add(self, cells: Sequence[str]) -> None:
        """Append a chunk of cells."""
        numbers = None if self.as_text else self._numbers(cells)
        self.chunks.append(self._codes(cells) if numbers is None else numbers)

    def add_numbers(self, numbers: np.ndarray, cells: Callable[..., list[str]]) -> None:
        """Append a chunk that is parsed but for its NaN; cells: returns all cells, or those of some rows, as written.

        Whether the numbers were written as integers is not known.
        """
        odd = np.flatnonzero(np.isnan(numbers))
        written = cells(odd) if 2 * len(odd) < len(numbers) else []
        values = _look_up(written, set(written), self.na, str)
        if values is None or len(written) < len(odd):
            self.add(cells())
            return
        if np.isinf(values).any():
            raise MixedColumn
        self._look_for_codes("\n".join(written))
        self.chunks.append(numbers.copy())
        self.chunks[-1][odd] = values

    def finish(self) -> Column:
        """Return the whole column and release its chunks."""
        chunks, self.chunks = self.chunks, []
        if all(chunk.dtype.kind == "f" for chunk in chunks):
            return Numbers(np.concatenate([np.empty(0), *chunks]), self.whole)  # of no rows there are no chunks
        return Texts(np.concatenate([_codes_of_chunk(chunk) for chunk in chunks]), tuple(self.known))

    def _numbers(self, cells: Sequence[str]) -> np.ndarray | None:
        joined, distinct = "\n".join(cells), set(cells)
        many = self.plain is None and 2 * len(distinct) > len(cells) and self.na.isdisjoint(distinct)
        values = _parse_plain(joined, cells) if many else None
        values = _look_up(cells, distinct, self.na, self.plain or str) if values is None else values
        if values is not None and np.isinf(values).any():
            raise MixedColumn
        self._look_for_codes(joined)
        written = joined if self.plain is None else "\n".join(map(self.plain, distinct))
        self.whole = self.whole and not any(mark in written for mark in FRACTION_MARKS)
        return values

    def _look_for_codes(self, joined: str) -> None:
        self.padded = self.padded or ZERO_FIRST.search(joined) is not None

    def _codes(self, cells: Sequence[str]) -> np.ndarray:
        codes = {cell: self._code(cell.strip()) for cell in sorted(set(cells))}
        return np.fromiter(map(codes.__getitem__, cells), np.int32, len(cells))

    def _code(self, text: str) -> int:
        if text in self.na:
            return MISSING
        if not self.as_text and is_number(self.plain(text) if self.plain else text):
            raise MixedColumn
        return self.known.setdefault(text, len(self.known))


def _codes_of_chunk(chunk: np.ndarray) -> np.ndarray:
    """Return a chunk as codes; a chunk of numbers may join a column of text only if all of it is missing."""
    if chunk.dtype.kind == "i":
        return chunk
    if not np.isnan(chunk).all():
        raise MixedColumn
    return np.full(len(chunk), MISSING, np.int32)
