"""Classification whose targets are probabilities: one column per class, named after the class."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from numbann.data.table import Raw
from numbann.data.tasks.labels import OfClasses
from numbann.data.tasks.task import narrow
from numbann.data.wording import quoted
from numbann.errors import DataError
from numbann.records import dataclass

SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class ClassProbabilities(OfClasses):
    """Classification by probabilities.  names: the columns, which are also the classes."""

    loss = "soft_cross_entropy"
    forms = MappingProxyType({"real": "real", "distribution": "real"})

    @classmethod
    def of(cls, raws: Mapping[str, Raw]) -> ClassProbabilities:
        found = cls(tuple(raws["train"].targets))
        if len(found.names) < 2:
            what = f"a list means the probability of each class, and it names {quoted(found.names[0])} alone"
            raise DataError(f"{what}; name two columns or more, or give one without a list", key="data.target")
        for raw in raws.values():
            _check(raw, found.original(raw))
        return found

    def encode(self, raw_target: np.ndarray, form: str, dtype: str) -> np.ndarray:
        return narrow(self, raw_target, raw_target, dtype)

    def truth(self, raw_target: np.ndarray) -> np.ndarray:
        """Return the most probable class of each row."""
        return np.asarray(raw_target).argmax(1)

    def class_counts(self, raw_target: np.ndarray) -> np.ndarray | None:
        counts: np.ndarray = raw_target.sum(axis=0)
        return counts

    def class_weight(self, raw_target: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the mean of the classes' weights by the row's probabilities."""
        mean: np.ndarray = (raw_target * weights).sum(1)
        return mean

    def __str__(self) -> str:
        return f"classification by {len(self.names)} probabilities"


def _check(raw: Raw, values: np.ndarray) -> None:
    """Refuse rows that are not probabilities."""
    wrong = (values < 0).any(axis=1) | (np.abs(values.sum(axis=1) - 1) > SUM_TOLERANCE)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{raw.place(row)}: the targets {values[row].tolist()} are no probabilities; they must sum to 1",
            key="data.target",
        )


TASK = ClassProbabilities
