"""Encodes texts as codes: the position of each row's text among the categories of the training part."""

from __future__ import annotations

from functools import cached_property
from typing import Self

import numpy as np

from numbann.data.choices import USUAL, Choice
from numbann.data.columns import MISSING, Texts
from numbann.data.kinds import Lookup
from numbann.data.table import RowSelection
from numbann.data.wording import counted, listed, quoted
from numbann.errors import DataError
from numbann.records import dataclass

MOST_CATEGORIES = 10_000
UNSEEN = MISSING  # the code of a text that is no category


@dataclass(frozen=True)
class Categories:
    """The categories of one column in sorted order; None, for missing, comes last if it occurs.

    fill: the category that stands for a missing one, if any does.  folded: one more category, for all others.
    compact: a missing text is no category, and two categories are one input, -1 and 1.  coded: one input is the code.
    """

    values: tuple[str | None, ...]
    fill: str | None = None
    folded: bool = False
    compact: bool = False
    coded: bool = False

    def __len__(self) -> int:
        return len(self.values) + self.folded

    @property
    def inputs(self) -> int:
        """The number of inputs: one a category, or one of a sign or a code."""
        return 1 if self.coded or (self.compact and len(self) == 2) else len(self)

    @classmethod
    def fit(cls, column: Texts, rows: RowSelection, name: str, choice: Choice = USUAL, most: int | None = None) -> Self:
        """Find the categories among these rows, of which the choice may fold those with few of them.

        most: if there are more than so many, they are coded; None: they are not.
        """
        counts = np.bincount(column.codes[rows] - MISSING)  # the lowest code
        codes = np.flatnonzero(counts) + MISSING
        counts = counts[codes - MISSING]
        fill = _filling(column, codes, counts, name, choice)
        codes = codes[counts >= choice.rare]
        texts = sorted(
            {column.values[code] for code in codes if code != MISSING} | ({fill} if fill is not None else set())
        )
        if len(texts) > MOST_CATEGORIES:
            raise DataError(
                f"column {quoted(name)} has {len(texts)} categories, more than {MOST_CATEGORIES}; leave it out "
                "(data.drop)",
                key="data.drop",
            )
        folded = choice.rare > 1
        coded = most is not None and len(texts) + folded > most
        compact = choice.categories == "compact" and not coded
        lacking = MISSING in codes and fill is None and not (compact and texts)
        return cls((*texts, None) if lacking else tuple(texts), fill, folded, compact, coded)

    @cached_property
    def _codes(self) -> Lookup:
        return Lookup(self.values)

    def apply(self, column: Texts, rows: RowSelection) -> np.ndarray:
        """Return the code (n,) of each row, UNSEEN for a text that is no category and not folded."""
        return self._of_texts(column)[column.codes[rows]]

    def _of_texts(self, column: Texts) -> np.ndarray:
        """Return the code of each text of a column, and last that of a missing one."""
        of_text = np.array([self._codes(text) for text in (*column.values, self.fill)])
        if self.folded:
            of_text[of_text == UNSEEN] = len(self.values)
        return of_text

    def write(self, column: Texts, rows: RowSelection, x: np.ndarray) -> None:
        """Write the inputs of some rows into zeros x (n, inputs); a text that is no category leaves its row so.

        Where inputs are codes, it has one that is of no category.
        """
        codes = self.apply(column, rows)
        if self.coded:
            x[:, 0] = codes
            return
        seen = np.flatnonzero(codes != UNSEEN)
        if self.inputs < len(self):
            x[seen, 0] = 2 * codes[seen] - 1
        else:
            x[seen, codes[seen]] = 1

    def warn(self, column: Texts, rows: RowSelection, name: str) -> str:
        """Return a warning that counts the rows with an unseen category, or an empty text."""
        known = self._of_texts(column) != UNSEEN
        if known.all():
            return ""
        codes = column.codes[rows]
        unseen = codes[~known[codes] & ~(self.compact & (codes == MISSING))]
        if not len(unseen):
            return ""
        texts = sorted({column.values[code] if code != MISSING else "" for code in np.unique(unseen)})
        return (
            f"column {quoted(name)}: {counted(len(unseen), 'row')} with a category that the training part does not "
            f"have ({listed(texts)}); all of its inputs are 0 there"
        )


def _filling(column: Texts, codes: np.ndarray, counts: np.ndarray, name: str, choice: Choice) -> str | None:
    """Return the text that stands for a missing one, if the choice says so."""
    if choice.missing == "constant":
        return str(choice.fill)
    if choice.missing != "mode":
        return None
    known = codes != MISSING
    if not known.any():
        raise DataError(f"column {quoted(name)} is empty in all training rows; drop it (data.drop)", key="data.drop")
    return column.values[codes[known][counts[known].argmax()]]
