"""Encodes texts as codes: the position of each row's text among the categories of the training part."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from numbann.data.columns import MISSING, Texts
from numbann.data.kinds import Lookup
from numbann.data.table import RowSelection
from numbann.data.wording import counted, listed, quoted
from numbann.errors import DataError

MOST_CATEGORIES = 10_000
UNSEEN = MISSING  # the code of a text that is no category


@dataclass(frozen=True)
class Categories:
    """The categories of one column in sorted order; None, for missing, comes last if it occurs."""

    values: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def fit(cls, column: Texts, rows: RowSelection, name: str) -> Self:
        """Find the categories among these rows."""
        codes = np.unique(column.codes[rows])
        texts = sorted(column.values[code] for code in codes if code != MISSING)
        if len(texts) > MOST_CATEGORIES:
            raise DataError(
                f"column {quoted(name)} has {len(texts)} categories, more than {MOST_CATEGORIES}; leave it out "
                "(data.drop)",
                key="data.drop",
            )
        return cls((*texts, None) if MISSING in codes else tuple(texts))

    @cached_property
    def _codes(self) -> Lookup:
        return Lookup(self.values)

    def apply(self, column: Texts, rows: RowSelection) -> np.ndarray:
        """Return the code (n,) of each row, UNSEEN for a text that is no category."""
        of_text = np.array([self._codes(text) for text in (*column.values, None)])
        return of_text[column.codes[rows]]

    def warn(self, column: Texts, rows: RowSelection, name: str) -> str:
        """Return a warning that counts the rows with an unseen category, or an empty text."""
        unseen = column.codes[rows][self.apply(column, rows) == UNSEEN]
        if not len(unseen):
            return ""
        texts = sorted({column.values[code] if code != MISSING else "" for code in np.unique(unseen)})
        return (
            f"column {quoted(name)}: {counted(len(unseen), 'row')} with a category that the training part does not "
            f"have ({listed(texts)}); all of its inputs are 0 there"
        )
