"""Multilabel: several yes/no labels per row.  Each column holds two values; the second in sorted order means yes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from numbann.data.table import Raw
from numbann.data.tasks.labels import Labels, check_labels, index_of, says_yes, values_of
from numbann.data.tasks.task import Outcome
from numbann.data.wording import listed, quoted, shortened
from numbann.errors import DataError
from numbann.records import dataclass


@dataclass(frozen=True)
class Multilabel(Labels):
    """Several yes/no labels.  pairs (T, 2): the values for no and yes of each label."""

    pairs: tuple[tuple[Any, Any], ...]

    name = "multilabel"
    loss = "sigmoid_cross_entropy"
    forms = MappingProxyType({"binary": "binary", "real": "one_hot"})
    trait = "multilabel"
    probable = "sigmoid_cross_entropy"

    @classmethod
    def of(cls, raws: Mapping[str, Raw]) -> Multilabel:
        names = tuple(raws["train"].targets)
        if len(names) < 2:
            raise DataError(
                "multilabel is for several yes/no labels; list two target columns or more, or set data.task to "
                '"classification"',
                key="data.target",
            )
        return cls(names, tuple(_pair(raws, name) for name in names))

    @property
    def classes_or_pairs(self) -> tuple[Any, ...] | None:
        return self.pairs

    def _original(self, raw: Raw) -> np.ndarray:
        return np.stack([column.original for column in raw.targets.values()], axis=1)

    def encode(self, raw_target: np.ndarray, form: str, dtype: str) -> np.ndarray:
        return np.ascontiguousarray(self.truth(raw_target), dtype=dtype)

    def check(self, raw: Raw) -> None:
        for name, pair in zip(raw.targets, self.pairs, strict=True):
            check_labels(raw, name, pair)

    def means(self, raw_target: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        return self._named(self.truth(raw_target).astype(np.float64))

    def truth(self, raw_target: np.ndarray) -> np.ndarray:
        columns = zip(raw_target.T, self.pairs, self.names, strict=True)
        return np.stack([index_of(column, pair, f"column {quoted(name)}") for column, pair, name in columns], axis=1)

    def usual(self, raw_target: np.ndarray) -> tuple[tuple[float, ...], ...]:
        """Return the share of yes of each label."""
        return (tuple(self.truth(raw_target).mean(0).tolist()),)

    def indices(self, found: Outcome) -> np.ndarray:
        return says_yes(found)

    def has_probabilities(self, found: Outcome) -> bool:
        return found.chances == "each"

    def predictions(self, found: Outcome) -> np.ndarray:
        types = {type(value) for pair in self.pairs for value in pair}
        pairs = np.array(self.pairs, None if len(types) == 1 else object)
        chosen: np.ndarray = pairs[np.arange(len(pairs)), self.indices(found)]
        return chosen

    def notes(self) -> tuple[str, ...]:
        meanings = [f"{name} = {yes}" for name, (_, yes) in zip(self.names, self.pairs, strict=True)]
        return (f"labels: positive is {shortened(meanings)}",)

    def warnings(self, raw_target: np.ndarray) -> tuple[str, ...]:
        """Return a warning for each label that is the same in all training rows."""
        values = [set(column.tolist()) for column in raw_target.T]
        return tuple(
            f"every training row has {quoted(*found)} in column {quoted(name)}; the label cannot be learned"
            for name, found in zip(self.names, values, strict=True)
            if len(found) == 1
        )

    def __str__(self) -> str:
        return f"{len(self.names)} yes/no labels"


def _pair(raws: Mapping[str, Raw], name: str) -> tuple[Any, Any]:
    """Return the two values of a yes/no label: no, then yes."""
    values = values_of(raws, name)
    if len(values) != 2:
        raise DataError(
            f"column {quoted(name)} holds {len(values)} values ({listed(values)}); a yes/no label needs two, such as "
            "0 and 1, false and true, or no and yes",
            key="data.target",
        )
    return values[0], values[1]


TASK = Multilabel
