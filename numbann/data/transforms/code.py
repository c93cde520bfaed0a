"""The interface of a code: the numbers that stand for the texts of a column, in their order or as dates, say.

Letters: N rows, k numbers for each text.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Self

import numpy as np

from numbann.data.columns import Texts
from numbann.data.contract import as_tuples
from numbann.data.table import RowSelection
from numbann.records import dataclass


@dataclass(frozen=True)
class Code(ABC):
    """A fitted code of one column.  A text that it does not know is a missing number."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the k numbers; one without a name is the column itself."""
        return ("",)

    def names(self, feature: str) -> tuple[str, ...]:
        """Return the names of the columns of numbers."""
        return tuple(f"{feature} {part}" if part else feature for part in self.parts)

    @property
    def refusal(self) -> str:
        """What to call a text that no row may have; empty where such a text is a missing number."""
        return ""

    def dates(self, texts: Sequence[str]) -> np.ndarray | None:
        """Return texts as dates (n,), NaT for one that is none; None of a code that is not of dates."""
        return None

    @abstractmethod
    def numbers(self, texts: Sequence[str]) -> np.ndarray:
        """Return the numbers (n, k) of texts; NaN for a text that is unknown."""

    def missing(self) -> np.ndarray:
        """Return the numbers (k,) of a missing text."""
        return np.full(len(self.parts), np.nan)

    def apply(self, column: Texts, rows: RowSelection) -> np.ndarray:
        """Return the numbers (N, k) of some rows."""
        known = self.numbers(column.values).reshape(len(column.values), len(self.parts))
        return np.vstack((known, self.missing()))[column.codes[rows]]

    def unknown(self, column: Texts) -> int | None:
        """Return the first row whose text the code does not know."""
        lacking = np.isnan(self.apply(column, slice(None))).any(axis=1) & ~column.missing
        return int(np.argmax(lacking)) if lacking.any() else None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values from which from_dict restores the same code."""
        return {
            "type": type(self).__module__.rpartition(".")[2],
            **{one.name: getattr(self, one.name) for one in fields(self)},
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """Restore a code of this class."""
        return cls(**{one.name: as_tuples(given[one.name]) for one in fields(cls)})
