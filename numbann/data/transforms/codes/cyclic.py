"""The code "cyclic" of dates: the time of year, of week and of day as points on circles, and the day's number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from numbann.data.transforms.codes.parts import parts_of
from numbann.data.transforms.dated import DateCode
from numbann.records import dataclass

CYCLES = ("year", "week", "hours")


@dataclass(frozen=True)
class Coding(DateCode):
    """Sine and cosine, so that December is next to January."""

    @property
    def parts(self) -> tuple[str, ...]:
        return (*(f"{cycle} {wave}" for cycle in CYCLES for wave in ("sin", "cos")), "days")

    def numbers(self, texts: Sequence[str]) -> np.ndarray:
        found = parts_of(self.dates(texts))
        turns = (
            (found["month"] - 1 + (found["day"] - 1) / 31) / 12,
            (found["weekday"] + found["hour"] / 24) / 7,
            found["hour"] / 24,
        )
        waves = [wave(2 * np.pi * turn) for turn in turns for wave in (np.sin, np.cos)]
        return np.stack([*waves, found["days"]], axis=1)
