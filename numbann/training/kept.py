"""Data that several trainings share: their rows are prepared once a process for each way of preparing them."""

from __future__ import annotations

from dataclasses import field
from threading import RLock
from typing import Any

from numbann.data.memory import available
from numbann.data.parts import Fold
from numbann.data.source import Dataset, SplitData
from numbann.data.streaming import Streamed
from numbann.records import dataclass

SHARE = 8  # of the memory there is, prepared rows that are kept take one part at most


@dataclass(frozen=True)
class Kept(SplitData):
    """Split data that prepares its rows once for each way of preparing them.  of_folds: those of its folds, too."""

    of_folds: bool = True
    _found: dict[Any, Any] = field(init=False, default_factory=dict, compare=False, repr=False)
    _lock: Any = field(init=False, default_factory=RLock, compare=False, repr=False)

    @classmethod
    def of(cls, source: SplitData, of_folds: bool = True) -> Kept:
        """Return what was read as such data."""
        return cls(**vars(source), of_folds=of_folds)

    def prepare(self, **way: Any) -> Dataset:
        """Return the rows, prepared for the first time or as before."""
        with self._lock:
            key = repr(sorted(way.items()))
            if key not in self._found:
                dataset = super().prepare(**way)
                x = dataset.train.x
                if isinstance(x, Streamed) or x.nbytes * SHARE > available():
                    return dataset
                self._found[key] = dataset
            found: Dataset = self._found[key]
            return found

    def folds(self, count: int, repetition: int = 0) -> list[Fold]:
        """Return the folds, cut once."""
        with self._lock:
            key = count, repetition
            if key not in self._found:
                self._found[key] = super().folds(count, repetition)
            found: list[Fold] = self._found[key]
            return found

    def fold(self, fold: Fold) -> SplitData:
        """Return the data of a fold; laid out once, if those of folds are kept."""
        if not self.of_folds:
            return super().fold(fold)
        with self._lock:
            key = id(fold)  # of one of those that are kept
            if key not in self._found:
                self._found[key] = super().fold(fold)
            found: SplitData = self._found[key]
            return found
