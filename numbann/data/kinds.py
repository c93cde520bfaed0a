"""One rule for every source: which texts are missing, which are numbers, and which values mean the same.

A file of any format, a frame and an array of the same table so give the same inputs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from math import nan
from typing import Any

import numpy as np

from numbann.data.cells import WHOLE, is_infinite, is_number
from numbann.data.columns import MISSING, Column, Exact, Numbers, Texts, as_texts, text_of
from numbann.data.reading import Reading

LONGEST_WHOLE = 40  # digits of an identifier
TRUTH = {"false": 0.0, "true": 1.0}  # the words for booleans, in any case


def settle(column: Column, name: str, reading: Reading) -> Column:
    """Return a feature as every source gives it: the texts of csv.na are missing, true and false are numbers 1 and 0.

    Numbers become texts where the column holds categories.  Texts become numbers where the training source has numbers
    and every text is one.
    """
    if reading.is_text(name):
        return drop_missing(as_texts(column), reading.na)
    column = drop_missing(column, reading.na)
    if isinstance(column, Numbers):
        return column
    words = [text.lower() for text in column.values]
    if words and all(word in TRUTH for word in words):
        return _numbers([TRUTH[word] for word in words], column)
    if reading.is_decided(name) and all(is_number(text) and not is_infinite(text) for text in column.values):
        return _numbers([float(text) for text in column.values], column)
    return column


def drop_missing(column: Column, na: Collection[str]) -> Column:
    """Return the column with every text of `na` missing."""
    if isinstance(column, Numbers) or not any(text in na for text in column.values):
        return column
    kept = (text for text in column.values if text not in na or isinstance(text, Exact))
    known = {text: code for code, text in enumerate(kept)}
    codes = np.array([*(known.get(text, MISSING) for text in column.values), MISSING], np.int32)
    return Texts(codes[column.codes], tuple(known))


def _numbers(values: Sequence[float], column: Texts) -> Numbers:
    return Numbers(np.array([*values, nan])[column.codes], whole=False)


class Lookup:
    """The positions of values.  A value that is not among them is found by its meaning: 1.0 is 1, TRUE is true."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._exact = {value: position for position, value in enumerate(values)}

    @cached_property
    def _alike(self) -> dict[Any, int]:
        """The positions by meaning; of two values that mean the same, neither."""
        found: dict[Any, int] = {}
        for value, position in self._exact.items():
            what = meaning(value)
            found[what] = MISSING if what in found else position
        return found

    def __call__(self, value: Any) -> int:
        """Return the position of a value, MISSING if there is none."""
        found = self._exact.get(value, MISSING)
        return found if found != MISSING or value is None else self._alike.get(meaning(value), MISSING)


def meaning(value: Any) -> float | str | None:
    """Return the number that a value means, as text or not, a whole one exactly; else its text."""
    text = text_of(value)
    if text is None or text.lower() in TRUTH:
        return text if text is None else TRUTH[text.lower()]
    if WHOLE.fullmatch(text) and len(text) < LONGEST_WHOLE:
        return int(text)
    return float(text) if is_number(text) else text
