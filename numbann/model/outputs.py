"""What the outputs of a network say: classes, probabilities, values, and how good they are.  It runs no network."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from numbann.components.component import Component
from numbann.data.target import Target
from numbann.errors import DataError

Confusion = list[list[int]]
MOST_CONFUSED = 100  # classes; the table of more would be too large to keep, and nobody would read it


@dataclass(frozen=True)
class Reading:
    """How outputs (N, O) are read.  form: "label", "one_hot", "binary" or "real" targets; activation: what made them.

    Under "multilabel" each output speaks of one yes/no label.
    """

    task: str
    form: str
    activation: str
    target: Target

    @property
    def of_classes(self) -> bool:
        """Whether the outputs speak of classes, one a row."""
        return self.task == "classification"

    @property
    def of_labels(self) -> bool:
        """Whether the outputs speak of several yes/no labels a row."""
        return self.task == "multilabel"

    @property
    def has_probabilities(self) -> bool:
        """Whether the outputs are probabilities of the classes or labels, not mere scores."""
        if self.of_labels:
            return self.activation == "sigmoid"
        return self.of_classes and (self.activation == "softmax" or self._is_binary_probability)

    @property
    def _is_binary_probability(self) -> bool:
        return self.form == "binary" and self.activation == "sigmoid"

    @property
    def classes(self) -> Sequence[Any]:
        """The classes in the order of the outputs; for targets that are probabilities, the names of the targets."""
        return self.target.classes or self.target.names

    @cached_property
    def _names(self) -> np.ndarray:
        return np.array(self.classes)

    @cached_property
    def _pairs(self) -> np.ndarray:
        """The values of each yes/no label (T, 2), of one type where they have one."""
        pairs = self.target.pairs or ()
        types = {type(value) for pair in pairs for value in pair}
        return np.array(pairs, None if len(types) == 1 else object)

    def labels(self, outputs: np.ndarray) -> np.ndarray:
        """The index of the class that each row says (N,); of yes/no labels, 1 for each that is yes (N, T)."""
        if self.of_labels:
            scores = self.form == "binary" and not self.has_probabilities
            return (outputs >= (0.0 if scores else 0.5)).astype(np.int64)
        if self.form != "binary":
            return outputs.argmax(1)
        return (outputs[:, 0] >= (0.5 if self._is_binary_probability else 0.0)).astype(np.int64)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """The probability of each class (N, K), or of yes for each label (N, T)."""
        if not (self.of_classes or self.of_labels):
            raise DataError("a regression has no probabilities; use predict")
        if not self.has_probabilities:
            able = "softmax_cross_entropy or sigmoid_cross_entropy" if self.of_classes else "sigmoid_cross_entropy"
            raise DataError(
                f"outputs of {self.activation} are scores, not probabilities; use predict, or train with {able}"
            )
        return np.hstack((1 - outputs, outputs)) if self.of_classes and self.form == "binary" else outputs

    def values(self, outputs: np.ndarray) -> np.ndarray:
        """The predicted values (N, T) in the target's own unit: of several outputs a target, those that come first."""
        return np.asarray(self.target.unscale(outputs[:, : len(self.target.names)]), np.float64)

    def predictions(self, outputs: np.ndarray) -> np.ndarray:
        """Classes as they came (N,), labels as they came (N, T), or values: (N,) for one target, (N, O) for several."""
        if self.of_classes:
            return self._names[self.labels(outputs)]
        if self.of_labels:
            return self._pairs[np.arange(len(self._pairs)), self.labels(outputs)]
        values = self.values(outputs)
        return values[:, 0] if values.shape[1] == 1 else values


def score(
    metrics: Iterable[Component],
    reading: Reading,
    outputs: np.ndarray,
    raw_target: np.ndarray,
    weight: np.ndarray | None = None,
) -> dict[str, float]:
    """Each metric of outputs against the original target, by name; weight (N,): how much each row counts."""
    roles = _roles(reading, outputs, raw_target) | ({} if weight is None else {"weight": weight})
    return {metric.name: float(_call(metric, reading, roles)) for metric in metrics}


def confusion(reading: Reading, outputs: np.ndarray, raw_target: np.ndarray) -> Confusion | None:
    """How many rows of each class (a row of the table) are predicted as each class (a column), in the order of classes.

    None where there is no table: for regressions, several yes/no labels, and more than MOST_CONFUSED classes.
    https://scikit-learn.org/stable/modules/generated/sklearn.metrics.confusion_matrix.html (2024).
    """
    if not reading.of_classes or len(reading.classes) > MOST_CONFUSED:
        return None
    size = len(reading.classes)
    places = _true_labels(reading, raw_target) * size + reading.labels(outputs)
    table: Confusion = np.bincount(places, minlength=size * size).reshape(size, size).tolist()
    return table


def _roles(reading: Reading, outputs: np.ndarray, raw_target: np.ndarray) -> dict[str, Any]:
    weight = np.ones(len(outputs))
    if not (reading.of_classes or reading.of_labels):
        values = reading.values(outputs)
        return {"t": np.asarray(raw_target, np.float64).reshape(values.shape), "weight": weight, "value": values}
    roles = {"t": _true_labels(reading, raw_target), "weight": weight, "label": reading.labels(outputs)}
    return {**roles, "probability": reading.probabilities(outputs)} if reading.has_probabilities else roles


def _true_labels(reading: Reading, raw_target: np.ndarray) -> np.ndarray:
    """The true class of each row; of probabilities, the most probable one; of yes/no labels, each of them (N, T)."""
    if reading.of_labels:
        indicators: np.ndarray = reading.target.encode(raw_target, "binary", np.int64)
        return indicators
    if reading.target.classes:
        labels: np.ndarray = reading.target.encode(raw_target, "label", "float64")
        return labels
    return np.asarray(raw_target, np.float64).argmax(1)


def _call(metric: Component, reading: Reading, roles: dict[str, Any]) -> Any:
    """Call a metric with the roles that it names."""
    names = [name for name in inspect.signature(metric.function).parameters if name in metric.roles]
    missing = [name for name in names if name not in roles]
    if missing:
        raise DataError(
            f'metric "{metric.name}" needs {missing[0]}, which {reading.activation} outputs do not give; '
            "leave it out of train.metrics",
            key="train.metrics",
        )
    return metric.function(**{name: roles[name] for name in names})
