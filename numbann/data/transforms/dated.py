"""The common part of the codes of dates: how a date is written, and what the dates of training are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Self

import numpy as np

from numbann.data.columns import MISSING, Texts
from numbann.data.dates import iso_text, no_date, parse_dates
from numbann.data.table import RowSelection
from numbann.data.transforms.code import Code
from numbann.records import dataclass

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BOUNDS = (-62_135_596_800, 253_402_300_799)  # of the years from 1 to 9999, in seconds since 1970


@dataclass(frozen=True)
class DateCode(Code):
    """The numbers of a date.

    format: how it is written, as Python's strptime takes it; empty for ISO 8601.  held: of training, the first and the
    last date in seconds since 1970, and the seconds that all of them are apart or several times that; empty if none.
    """

    format: str
    held: tuple[int, ...] = ()

    @classmethod
    def fit(cls, column: Texts, rows: RowSelection, format: str) -> Self:
        """Return the code of these rows.  A text that is no date is left to `unknown`."""
        used = np.flatnonzero(np.bincount(column.codes[rows] - MISSING)) + MISSING
        dates = parse_dates([column.values[code] for code in used if code != MISSING], format)
        seconds = np.unique(np.clip(dates[~np.isnat(dates)].astype(np.int64), *BOUNDS))
        apart = np.gcd.reduce(np.diff(seconds))
        return cls(format, (int(seconds[0]), int(seconds[-1]), int(apart)) if len(seconds) else ())

    @property
    def refusal(self) -> str:
        return no_date(self.format)

    def dates(self, texts: Sequence[str]) -> np.ndarray:
        return parse_dates(texts, self.format)

    def text(self, seconds: int) -> str:
        """Return a date, in seconds since 1970, as the column has it."""
        if not self.format:
            return str(iso_text(np.datetime64(seconds, "s")))
        moment = EPOCH + timedelta(seconds=seconds)
        return moment.strftime(self.format.replace("%Y", f"{moment.year:04}"))  # strftime writes the year 7 as 7
