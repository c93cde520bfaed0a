"""What the target means: the task, its classes, its numbers for the loss and back again.  It knows no loss.

Letters: N rows, K classes, T targets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from numbann.data.columns import Column, Numbers, Texts
from numbann.data.table import Raw
from numbann.data.wording import counted, listed, quoted
from numbann.errors import DataError

MOST_CLASSES, LEAST_ROWS = 50, 10  # integers of more values, or of fewer rows for each, are a regression
LARGEST_WHOLE = 2.0**53  # beyond it float64 cannot tell neighbouring integers apart
SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Target:
    """names: the target columns; classes: the sorted labels, None for real targets, `probabilities` of classes among
    them; pairs (T, 2): of yes/no labels no and yes; shift, scale (T,): the scaling of real targets, empty for none."""

    names: tuple[str, ...]
    classes: tuple[Any, ...] | None
    probabilities: bool = False
    shift: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    pairs: tuple[tuple[Any, Any], ...] | None = None

    @property
    def labelled(self) -> bool:
        """Whether one column holds the class of each row."""
        return self.classes is not None

    def original(self, raw: Raw) -> np.ndarray:
        """The target as it came: labels (N,), yes/no labels (N, T) or numbers (N, T)."""
        if len(raw.targets) != len(self.names):
            raise DataError(f"{raw.place(0)}: {len(raw.targets)} target columns where {len(self.names)} are needed")
        if self.labelled:
            return next(iter(raw.targets.values())).original
        if self.pairs:
            return np.stack([column.original for column in raw.targets.values()], axis=1)
        return np.stack([_real(raw, name) for name in raw.targets], axis=1)

    def encode(self, raw_target: Any, target: str, dtype: Any) -> np.ndarray:
        """The target as a loss sees it: label (N,), one_hot (N, K), binary (N, 1) or real (N, T).

        Yes/no labels are columns of 0 and 1 (N, T), as one_hot and as binary.
        """
        if self.pairs:
            return np.ascontiguousarray(self.indicators(raw_target), dtype=dtype)
        if target == "real":
            values = np.asarray(raw_target, np.float64).reshape(len(raw_target), len(self.names))
            return _narrowed((values - self._shift) / self._scale, dtype)
        index = self.class_index(raw_target)
        if target == "label":
            return index
        if target == "one_hot":
            return np.eye(len(self.classes or ()), dtype=dtype)[index]
        if target == "binary":
            return np.ascontiguousarray(index[:, None] == 1, dtype=dtype)
        raise ValueError(f"unknown target {target!r}; known: label, one_hot, binary, real")

    def class_index(self, labels: Iterable[Any]) -> np.ndarray:
        """(N,) the index of each label among the classes; an unknown label is an error."""
        return _index(labels, self.classes or (), "the target")

    def indicators(self, labels: np.ndarray) -> np.ndarray:
        """(N, T) 1 for yes and 0 for no of yes/no labels (N, T); another value is an error."""
        columns = zip(labels.T, self.pairs or (), self.names, strict=True)
        return np.stack([_index(column, pair, f"column {quoted(name)}") for column, pair, name in columns], axis=1)

    def unscale(self, y: np.ndarray) -> np.ndarray:
        """Outputs (N, T) in the target's own unit, float64."""
        return np.asarray(y, np.float64) * self._scale + self._shift

    def fitted(self, raw_target: np.ndarray, target_scale: str) -> Target:
        """With the scaling of the training part's real targets (N, T): standard or none."""
        if self.labelled or self.pairs or target_scale == "none":
            return self
        mean, deviation = raw_target.mean(axis=0), raw_target.std(axis=0)
        constant = raw_target.max(axis=0) == raw_target.min(axis=0)
        return replace(self, shift=tuple(mean.tolist()), scale=tuple(np.where(constant, 1.0, deviation).tolist()))

    @property
    def _shift(self) -> np.ndarray:
        return np.array(self.shift or (0.0,))

    @property
    def _scale(self) -> np.ndarray:
        return np.array(self.scale or (1.0,))


def _index(labels: Iterable[Any], classes: Sequence[Any], what: str) -> np.ndarray:
    """(N,) the index of each label among classes."""
    index = {label: position for position, label in enumerate(classes)}
    values = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
    unknown = [label for label in dict.fromkeys(values) if label not in index]
    if unknown:
        raise DataError(f"{what} holds {listed(unknown)}, which is no class of the model: {listed(classes)}")
    return np.fromiter(map(index.__getitem__, values), np.int64, len(values))


def _narrowed(values: np.ndarray, dtype: Any) -> np.ndarray:
    with np.errstate(over="ignore"):
        narrow = np.ascontiguousarray(values, dtype=dtype)
    if not np.isfinite(narrow).all():
        raise DataError(f'the target has values too large for {np.dtype(dtype)}; set data.target_scale to "standard"')
    return narrow


def _real(raw: Raw, name: str) -> np.ndarray:
    """A numeric target column as float64; text is an error that names the first cell."""
    column = raw.targets[name]
    if isinstance(column, Texts):
        what = f"{quoted(column.original[0])} is no number, which is needed here"
        raise raw.fault(0, name, f'{what}; correct it, or set data.task to "classification"', "data.target")
    return column.values.astype(np.float64)


def decide_task(asked: str, raws: Sequence[Raw], classes_given: bool) -> tuple[str, str | None]:
    """The task, and why it was chosen where the spec leaves it open."""
    if asked != "auto":
        return asked, None
    if classes_given:
        return "classification", "the labels are classes"
    if len(raws[0].targets) > 1:
        return "regression", "there are several targets"
    return _task_of([next(iter(raw.targets.values())) for raw in raws])


def _task_of(columns: Sequence[Column]) -> tuple[str, str]:
    numbers = [column for column in columns if isinstance(column, Numbers)]
    if len(numbers) < len(columns):
        return "classification", "the target is text"
    if all(column.values.dtype.kind == "b" for column in numbers):
        return "classification", "the target is true or false"
    values = np.concatenate([column.values for column in numbers])
    if values.dtype.kind == "f" and not (values == np.floor(values)).all():
        return "regression", "the target has fractions"
    distinct = len(np.unique(values))
    few = distinct <= MOST_CLASSES and len(values) >= LEAST_ROWS * distinct
    return (
        "classification" if few else "regression",
        f"the target is whole numbers: {counted(distinct, 'value')} in {counted(len(values), 'row')}",
    )


def target_of(task: str, raws: Mapping[str, Raw], as_list: bool) -> Target:
    """The target of the task over all parts, checked: `as_list` if the spec gives a list of columns."""
    names = tuple(raws["train"].targets)
    if task == "regression":
        target = Target(names, None)
        for raw in raws.values():
            target.original(raw)  # which refuses text
        return target
    if task == "multilabel":
        return _yes_no(names, raws)
    if as_list or len(names) > 1:
        return _checked_probabilities(Target(names, None, probabilities=True), raws)
    return Target(names, _classes([raw.targets[names[0]] for raw in raws.values()], names[0]))


def _yes_no(names: tuple[str, ...], raws: Mapping[str, Raw]) -> Target:
    """Yes/no labels: two values each, the second in sorted order meaning yes."""
    if len(names) < 2:
        raise DataError(
            "multilabel is for several yes/no labels; list two target columns or more, or set data.task to "
            '"classification"',
            key="data.target",
        )
    return Target(names, None, pairs=tuple(_pair([raw.targets[name] for raw in raws.values()], name) for name in names))


def _pair(columns: Sequence[Column], name: str) -> tuple[Any, Any]:
    """The two values of a yes/no label: no, then yes."""
    values = _classes(columns, name)
    if len(values) != 2:
        raise DataError(
            f"column {quoted(name)} holds {len(values)} values ({listed(values)}); a yes/no label needs two, such as "
            "0 and 1, false and true, or no and yes",
            key="data.target",
        )
    return values[0], values[1]


def _checked_probabilities(target: Target, raws: Mapping[str, Raw]) -> Target:
    if len(target.names) < 2:
        raise DataError("the probability of one class says nothing; name two columns or more", key="data.target")
    for raw in raws.values():
        values = target.original(raw)
        wrong = (values < 0).any(axis=1) | (np.abs(values.sum(axis=1) - 1) > SUM_TOLERANCE)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(
                f"{raw.place(row)}: the targets {values[row].tolist()} are no probabilities; they must sum to 1",
                key="data.target",
            )
    return target


def _classes(columns: Sequence[Column], name: str) -> tuple[Any, ...]:
    """The sorted labels as they came."""
    if len({isinstance(column, Texts) for column in columns}) > 1:
        raise DataError(
            f"column {quoted(name)} holds text in one part and numbers in another; add it to data.categorical",
            key="data.target",
        )
    labels = {label for column in columns for label in np.unique(_comparable(column, name)).tolist()}
    if len(labels) < 2:
        raise DataError(
            f"column {quoted(name)} holds one class only ({quoted(*labels)}); a classification needs two or more",
            key="data.target",
        )
    return tuple(sorted(labels))


def _comparable(column: Column, name: str) -> np.ndarray:
    if isinstance(column, Texts):
        return np.array(column.values)[np.unique(column.codes)]
    if column.whole and column.values.dtype.kind == "f" and np.abs(column.values).max() >= LARGEST_WHOLE:
        raise DataError(
            f"column {quoted(name)} holds labels too large to be told apart as numbers; add it to data.categorical",
            key="data.categorical",
        )
    return column.original
