"""The common part of the tasks that predict labels: values of a column, outputs as labels and as probabilities."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from numbann.data.columns import MISSING, Column, Texts
from numbann.data.kinds import Lookup
from numbann.data.ordered import sort_distinct
from numbann.data.table import Raw
from numbann.data.tasks.task import Confusion, Outcome, Task
from numbann.data.wording import listed, quoted
from numbann.errors import DataError
from numbann.records import dataclass

LARGEST_WHOLE = 2.0**53  # above this, float64 cannot tell neighbouring integers apart
EXPECTED = {"binary": "each"}  # by the form of target, what probabilities are of
MOST_CONFUSED = 100  # the most classes that get a confusion table; a larger one is of no use to a reader


@dataclass(frozen=True)
class Labels(Task):
    """A task whose outputs mean labels: one class per row, or several yes/no labels."""

    metrics = ("accuracy",)
    roles = ("label", "probability")
    probable: ClassVar[str]  # the losses whose outputs are probabilities

    @abstractmethod
    def indices(self, found: Outcome) -> np.ndarray:
        """Return the index of each row's predicted class (N,), or 1 for each label predicted as yes (N, T)."""

    @abstractmethod
    def has_probabilities(self, found: Outcome) -> bool:
        """Tell whether the outputs are probabilities rather than scores."""

    def probabilities(self, found: Outcome) -> np.ndarray:
        if not self.has_probabilities(found):
            raise DataError(
                f"outputs of {found.activation} are scores, not probabilities; use predict, or train with "
                f"{self.probable}"
            )
        return found.y

    def columns(self, found: Outcome) -> dict[str, np.ndarray]:
        """Return p_CLASS, or score_CLASS where the outputs are no probabilities."""
        known = self.has_probabilities(found)
        shown = self.probabilities(found) if known else found.y
        names = [f"{'p' if known else 'score'}_{subject}" for subject in self.subjects]
        return dict(zip(names[-shown.shape[1] :], shown.T, strict=True))

    def measurable(self, found: Outcome, truth: np.ndarray) -> dict[str, np.ndarray]:
        roles = {"t": truth, "label": self.indices(found)}
        return {**roles, "probability": self.probabilities(found)} if self.has_probabilities(found) else roles

    def guess(self, usual: np.ndarray, t: np.ndarray) -> dict[str, np.ndarray]:
        """Return the largest class, or the likelier value of each label, with shares as probabilities."""
        label = usual.argmax() if t.ndim == 1 else (usual >= 0.5).astype(np.int64)
        shape = (len(t), len(usual))
        return {"t": t, "label": np.broadcast_to(label, t.shape), "probability": np.broadcast_to(usual, shape)}


@dataclass(frozen=True)
class OfClasses(Labels):
    """A task whose outputs mean one of the classes in `subjects`."""

    name = "classification"
    probable = "softmax_cross_entropy or sigmoid_cross_entropy"

    @property
    def classes_or_pairs(self) -> tuple[Any, ...] | None:
        return self.subjects

    def usual(self, raw_target: np.ndarray) -> tuple[tuple[float, ...], ...]:
        """Return the share of each class."""
        counts = np.bincount(self.truth(raw_target), minlength=len(self.subjects))
        return (tuple((counts / counts.sum()).tolist()),)

    def indices(self, found: Outcome) -> np.ndarray:
        """Return each row's class; of ordered classes the median, which is above as many as have a chance of a half."""
        return found.y.argmax(1) if found.form not in ("binary", "order") else says_yes(found).sum(1)

    def has_probabilities(self, found: Outcome) -> bool:
        return bool(found.chances) if found.form == "order" else found.chances == EXPECTED.get(found.form, "row")

    def probabilities(self, found: Outcome) -> np.ndarray:
        """Return the probability of each class (N, K), from those to be above each but the last where that is given."""
        shares = super().probabilities(found)
        if found.form not in ("binary", "order"):
            return shares
        ends = np.ones((len(shares), 1), shares.dtype)
        return -np.diff(np.hstack((ends, np.minimum.accumulate(shares, axis=1), 0 * ends)), axis=1)

    def predictions(self, found: Outcome) -> np.ndarray:
        return np.array(self.subjects)[self.indices(found)]

    def confusion(self, found: Outcome, truth: np.ndarray) -> Confusion | None:
        """Return the confusion table in the order of the classes; None for more than MOST_CONFUSED of them.

        As scikit-learn's confusion_matrix,
        https://scikit-learn.org/stable/modules/generated/sklearn.metrics.confusion_matrix.html (2024).
        """
        size = len(self.subjects)
        if size > MOST_CONFUSED:
            return None
        places = truth * size + self.indices(found)
        table: Confusion = np.bincount(places, minlength=size * size).reshape(size, size).tolist()
        return table


def says_yes(found: Outcome) -> np.ndarray:
    """Return 1 for each output that means yes."""
    return (found.y >= threshold_of(found)).astype(np.int64)


def threshold_of(found: Outcome) -> float:
    """Return from where up an output means yes: 0.5 for probabilities and targets of 0 and 1, else 0."""
    return 0.0 if found.form in ("binary", "order") and not found.chances else 0.5


def values_of(raws: Mapping[str, Raw], name: str) -> tuple[Any, ...]:
    """Return the sorted values of a target column over all parts, as given: two or more."""
    columns = [raw.targets[name] for raw in raws.values()]
    if len({isinstance(column, Texts) for column in columns}) > 1:
        raise DataError(
            f"column {quoted(name)} holds text in one part and numbers in another; add it to data.categorical",
            key="data.target",
        )
    labels = {label for column in columns for label in sort_distinct(_comparable(column, name)).tolist()}
    if len(labels) < 2:
        raise DataError(
            f"column {quoted(name)} holds one class only ({quoted(*labels)}); a classification needs two or more",
            key="data.target",
        )
    return tuple(sorted(labels))


def _comparable(column: Column, name: str) -> np.ndarray:
    if isinstance(column, Texts):
        return np.array(column.values)[sort_distinct(column.codes)]
    if column.whole and column.values.dtype.kind == "f" and np.abs(column.values).max() >= LARGEST_WHOLE:
        raise DataError(
            f"column {quoted(name)} holds labels too large to be told apart as numbers; add it to data.categorical",
            key="data.categorical",
        )
    return column.original


def index_of(labels: np.ndarray, classes: Sequence[Any], what: str) -> np.ndarray:
    """Return the index (N,) of each label among the classes; an unknown label is an error."""
    values = labels.tolist()
    index = _places(values, classes)
    unknown = [label for label, place in index.items() if place == MISSING]
    if unknown:
        raise DataError(f"{what} holds {listed(unknown)}, which is no class of the model: {listed(classes)}")
    return np.fromiter(map(index.__getitem__, values), np.int64, len(values))


def check_labels(raw: Raw, name: str, classes: Sequence[Any]) -> None:
    """Refuse a target column with a label that is no class."""
    values = raw.targets[name].original.tolist()
    unknown = [label for label, place in _places(values, classes).items() if place == MISSING]
    if unknown:
        others = f", nor is {listed(unknown[1:])}" if unknown[1:] else ""
        what = f"{quoted(unknown[0])} is no class of the model, which knows {listed(classes)}{others}"
        raise raw.fault(values.index(unknown[0]), name, f"{what}; correct the cell, or leave the row out", None)


def _places(labels: Sequence[Any], classes: Sequence[Any]) -> dict[Any, int]:
    """Return the place of each label among the classes, MISSING of one that is none."""
    position = Lookup(classes)
    return {label: position(label) for label in dict.fromkeys(labels)}
