"""What the findings look at: some rows of the training source, spread evenly over it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np

from numbann.data.columns import MISSING, Column, Texts
from numbann.data.table import Raw, sample_of
from numbann.records import dataclass

MOST_ROWS = 2000
MOST_COLUMNS = 200
ALL = slice(None)


@dataclass(frozen=True)
class Sample:
    """Rows of a source: `numbers` (n, F), and columns of text."""

    raw: Raw

    @cached_property
    def rows(self) -> np.ndarray:
        """The row numbers."""
        chosen = sample_of(ALL, len(self.raw.table), MOST_ROWS)
        return np.arange(len(self.raw.table)) if isinstance(chosen, slice) else chosen

    @cached_property
    def numbers(self) -> np.ndarray:
        """The numbers of these rows, of the first columns."""
        return self.raw.table.block(self.rows)[:, :MOST_COLUMNS]

    @property
    def texts(self) -> Mapping[str, Texts]:
        """The columns of text, whole."""
        return self.raw.table.texts

    def columns(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield each column (n,) of numbers, and of codes of texts, by name."""
        yield from zip(self.raw.table.number_names, self.numbers.T, strict=False)
        yield from ((name, column.codes[self.rows]) for name, column in self.texts.items())


def distinct(column: Texts) -> list[str]:
    """Return some of the texts of a column, spread evenly over them."""
    return list(column.values[:: -(-len(column.values) // MOST_ROWS) or 1])


def known_rows(column: Column) -> int:
    """Return how many rows of a column have a cell."""
    return int((~column.missing).sum())


def counts_of(column: Texts) -> np.ndarray:
    """Return how many rows each text has."""
    return np.bincount(column.codes[column.codes != MISSING], minlength=len(column.values))
