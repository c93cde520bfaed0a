"""The contents of one column: numbers, or texts as codes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from numbann.data.dates import Moment
from numbann.records import dataclass

MISSING = -1  # the code of a missing text


class Exact(str):
    """A text that is taken as it is: its outer blanks stay, and it is neither missing nor a number."""


@dataclass(frozen=True)
class Numbers:
    """A column of numbers: values (N,), NaN where missing.  whole: each was written as an integer."""

    values: np.ndarray
    whole: bool

    def __len__(self) -> int:
        return len(self.values)

    @property
    def missing(self) -> np.ndarray:
        return np.isnan(self.values) if self.values.dtype.kind == "f" else np.zeros(len(self), dtype=bool)

    def take(self, rows: np.ndarray) -> Numbers:
        """Return some rows of the column."""
        return Numbers(self.values[rows], self.whole)

    @property
    def original(self) -> np.ndarray:
        """The values as given: integers where they were written as integers, unless some are missing."""
        integers = self.whole and self.values.dtype.kind == "f" and not self.missing.any()
        return self.values.astype(np.int64) if integers else self.values


@dataclass(frozen=True)
class Texts:
    """A column of texts: codes (N,) into `values`, MISSING where there is no text."""

    codes: np.ndarray
    values: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def missing(self) -> np.ndarray:
        return self.codes == MISSING

    def take(self, rows: np.ndarray) -> Texts:
        """Return some rows of the column."""
        return Texts(self.codes[rows], self.values)

    @property
    def original(self) -> np.ndarray:
        """The texts themselves, None where missing."""
        return np.array([*self.values, None], dtype=object)[self.codes]


Column = Numbers | Texts


def text_of(value: Any) -> str | None:
    """Return a value as the text of a category: 3 and 3.0 give "3"; None, NaN and the like are missing."""
    if _is_missing(value):
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    if isinstance(value, Moment | Exact):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _is_missing(value: Any) -> bool:
    """Tell whether a value is None, or unequal to itself; pandas.NA refuses to say."""
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):
        return not hasattr(value, "__len__")


def texts_from(values: Iterable[Any]) -> Texts:
    """Build a column of texts from any Python values."""
    known: dict[str, int] = {}
    texts = (text_of(value) for value in values)
    codes = [MISSING if text is None else known.setdefault(text, len(known)) for text in texts]
    return Texts(np.array(codes, dtype=np.int32), tuple(known))


def column_from_array(array: np.ndarray) -> Column:
    """Build a column from a one-dimensional array of numbers, booleans, text or Python objects."""
    if array.dtype.kind in "SUO":
        return texts_from(array.tolist())
    return Numbers(array, whole=array.dtype.kind in "iu")


def as_texts(column: Column) -> Texts:
    """Return the column as texts, whatever it holds."""
    return column if isinstance(column, Texts) else texts_from(column.original.tolist())
