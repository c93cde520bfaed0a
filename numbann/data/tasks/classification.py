"""Classification: one class per row, given by its label.  Of two classes, the second in sorted order is positive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from numbann.data.columns import MISSING
from numbann.data.kinds import Lookup
from numbann.data.table import Raw
from numbann.data.tasks.labels import OfClasses, check_labels, index_of, values_of
from numbann.data.wording import listed, quoted
from numbann.errors import DataError
from numbann.records import dataclass


@dataclass(frozen=True)
class Classification(OfClasses):
    """Classification by labels.  classes: the sorted labels."""

    classes: tuple[Any, ...]

    labelled = True

    @classmethod
    def of(cls, raws: Mapping[str, Raw]) -> Classification:
        names = tuple(raws["train"].targets)
        return cls(names, values_of(raws, names[0]))

    @property
    def loss(self) -> str:
        return "sigmoid_cross_entropy" if len(self.classes) == 2 else "softmax_cross_entropy"

    @property
    def subjects(self) -> tuple[Any, ...]:
        return self.classes

    @property
    def forms(self) -> Mapping[str, str]:
        forms = {"label": "label", "order": "order", "real": "one_hot", "distribution": "one_hot"}
        return {**forms, "binary": "binary"} if len(self.classes) == 2 else forms

    def width(self, form: str) -> int:
        return {"binary": 1, "order": len(self.classes) - 1}.get(form, len(self.classes))

    def _original(self, raw: Raw) -> np.ndarray:
        return next(iter(raw.targets.values())).original

    def encode(self, raw_target: np.ndarray, form: str, dtype: str) -> np.ndarray:
        index = self.truth(raw_target)
        if form in ("label", "order"):
            return index
        if form == "binary":
            return np.ascontiguousarray(index[:, None] == 1, dtype=dtype)
        if form == "one_hot":
            return np.eye(len(self.classes), dtype=dtype)[index]
        raise ValueError(f"unknown target {form!r}; known: label, order, one_hot, binary")

    def in_order(self, order: Sequence[Any]) -> Classification:
        """Return the task with its classes in this order, which must name each of them."""
        place = Lookup(order)
        unknown = [label for label in self.classes if place(label) == MISSING]
        if unknown:
            raise DataError(f"the order of {quoted(self.names[0])} lacks {listed(unknown)}; add it", key="data.columns")
        return replace(self, classes=tuple(sorted(self.classes, key=place)))

    def check(self, raw: Raw) -> None:
        check_labels(raw, next(iter(raw.targets)), self.classes)

    def means(self, raw_target: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        shares = np.eye(len(self.classes))[self.truth(raw_target)]
        return self._named(shares[:, 1:] if len(self.classes) == 2 else shares)

    def truth(self, raw_target: np.ndarray) -> np.ndarray:
        return index_of(raw_target, self.classes, "the target")

    def class_counts(self, raw_target: np.ndarray) -> np.ndarray | None:
        return np.bincount(self.truth(raw_target), minlength=len(self.classes))

    def class_weight(self, raw_target: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return weights[self.truth(raw_target)]

    def warnings(self, raw_target: np.ndarray) -> tuple[str, ...]:
        trained = set(raw_target.tolist())
        classes = [label for label in self.classes if label not in trained]
        return (f"no training row has the class {listed(classes)}; it cannot be learned",) if classes else ()

    def __str__(self) -> str:
        return f"classification into {len(self.classes)} classes"


TASK = Classification
