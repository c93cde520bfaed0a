"""The code "target": the mean target of a text's training rows, drawn towards the mean of all where they are few.

Micci-Barreca 2001, https://doi.org/10.1145/507533.507538.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from numbann.data.columns import MISSING, Texts
from numbann.data.kinds import Lookup
from numbann.data.table import RowSelection
from numbann.data.transforms.code import Code
from numbann.records import dataclass

PRIOR_ROWS = 10  # rows of the mean that are added to those of each text


@dataclass(frozen=True)
class Coding(Code):
    """A text with n rows of mean m gets (n m + 10 M) / (n + 10), M the mean of all; a text that is unknown gets M.

    of: what each number is the mean of: a class's share, or a target.  values: the texts, None for missing.
    """

    of: tuple[str, ...]
    values: tuple[str | None, ...]
    means: tuple[tuple[float, ...], ...]
    mean: tuple[float, ...]

    @classmethod
    def fit(cls, column: Texts, rows: RowSelection, targets: np.ndarray, of: Sequence[str]) -> Coding:
        """Fit the means of these rows.  targets (n, k): the target of each of them."""
        codes, mean = column.codes[rows], targets.mean(axis=0)
        found, place = np.unique(codes, return_inverse=True)
        count = np.bincount(place)[:, None]
        sums = np.stack([np.bincount(place, part) for part in targets.T], axis=1)
        means = (sums + PRIOR_ROWS * mean) / (count + PRIOR_ROWS)
        values = tuple(None if code == MISSING else column.values[code] for code in found)
        return cls(tuple(of), values, tuple(map(tuple, means.tolist())), tuple(mean.tolist()))

    @property
    def parts(self) -> tuple[str, ...]:
        return self.of

    @cached_property
    def _place(self) -> Lookup:
        return Lookup(self.values)

    def numbers(self, texts: Sequence[str | None]) -> np.ndarray:
        table = np.array([*self.means, self.mean])
        return table[[self._place(text) for text in texts]] if len(texts) else np.empty((0, len(self.of)))

    def missing(self) -> np.ndarray:
        return self.numbers([None])[0]
