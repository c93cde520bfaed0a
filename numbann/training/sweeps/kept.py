"""Data that trials share: they are read and prepared once a process, as long as no trial treats them otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field, replace
from threading import RLock
from typing import Any

from numbann.data.memory import available
from numbann.data.parts import Fold
from numbann.data.source import Dataset, SplitData
from numbann.data.streaming import Streamed
from numbann.records import dataclass
from numbann.spec.loading import Loaded
from numbann.spec.model import to_json
from numbann.training.preparation import read

MOST = 2  # sources of trials that differ in keys of `data`
SHARE = 8  # of the memory there is, prepared rows that are kept take one part at most


@dataclass(frozen=True)
class Kept(SplitData):
    """Split data that prepares its rows, and those of its folds, once for each way of preparing them."""

    _found: dict[Any, Any] = field(init=False, default_factory=dict, compare=False, repr=False)
    _lock: Any = field(init=False, default_factory=RLock, compare=False, repr=False)

    @classmethod
    def of(cls, source: SplitData) -> Kept:
        """Return what was read as such data."""
        return cls(**vars(source))

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
        """Return the data of a fold, laid out once."""
        with self._lock:
            key = id(fold)  # of one of those that are kept
            if key not in self._found:
                self._found[key] = super().fold(fold)
            found: SplitData = self._found[key]
            return found


class Sources:
    """What was read for the trials of a sweep.  given: the rows, where they were given in Python."""

    def __init__(self, given: Any) -> None:
        self._given = given
        self._found: dict[str, Kept] = {}
        self._lock = RLock()

    def read(self, loaded: Loaded) -> Kept:
        """Return the data of a spec, without the test part if there are folds; read once."""
        spec, folded = loaded.spec, loaded.spec.ensemble is not None
        key = json.dumps([to_json(spec.data), spec.seed, folded], sort_keys=True)
        with self._lock:
            if key not in self._found:
                source = read(loaded, self._given)
                source = replace(source, parts=_without_test(source.parts)) if folded else source
                if len(self._found) == MOST:
                    del self._found[next(iter(self._found))]
                self._found[key] = Kept.of(source)
            return self._found[key]


def _without_test(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in parts.items() if name != "test"}
