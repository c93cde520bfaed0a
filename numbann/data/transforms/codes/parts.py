"""The code "parts" of dates: year, month, day, weekday, hour and the day's number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from numbann.data.transforms.dated import DateCode
from numbann.records import dataclass


@dataclass(frozen=True)
class Coding(DateCode):
    """The parts of a date as numbers."""

    @property
    def parts(self) -> tuple[str, ...]:
        return ("year", "month", "day", "weekday", "hour", "days")

    def numbers(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([*parts_of(self.dates(texts)).values()], axis=1)


def parts_of(dates: np.ndarray) -> dict[str, np.ndarray]:
    """Return the parts (n,) of dates by name, NaN where there is none.  weekday: 0 for Monday; days: since 1970."""
    lacking, days = np.isnat(dates), dates.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    found = {
        "year": months.astype("datetime64[Y]").astype(np.int64) + 1970,
        "month": months.astype(np.int64) % 12 + 1,
        "day": (days - months).astype(np.int64) + 1,
        "weekday": (days.astype(np.int64) + 3) % 7,
        "hour": (dates - days).astype(np.float64) / 3600,
        "days": dates.astype(np.int64) / 86400,
    }
    return {name: np.where(lacking, np.nan, values) for name, values in found.items()}
