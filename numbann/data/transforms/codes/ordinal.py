"""The code "ordinal": a text's place in an order that the spec gives."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from numbann.data.columns import MISSING
from numbann.data.kinds import Lookup
from numbann.data.transforms.code import Code
from numbann.records import dataclass


@dataclass(frozen=True)
class Coding(Code):
    """0 for the first text of the order, 1 for the second, and so on."""

    order: tuple[str, ...]

    @cached_property
    def _place(self) -> Lookup:
        return Lookup(self.order)

    def numbers(self, texts: Sequence[str]) -> np.ndarray:
        places = np.array([self._place(text) for text in texts], np.float64)
        return np.where(places == MISSING, np.nan, places)
