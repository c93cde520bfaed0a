"""The interface of a task: encodes targets, reads outputs, and defines the default loss and metrics.

A task and its components meet through names alone: a loss asks for a form of target, a metric for roles.
Letters: N rows, T targets, O outputs, K classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from numbann.data.columns import Texts
from numbann.data.contract import as_tuples
from numbann.data.table import Raw
from numbann.data.wording import quoted
from numbann.errors import DataError
from numbann.records import dataclass

Confusion = list[list[int]]


class TargetForm(NamedTuple):
    """A form of target ("label", "order", "one_hot", "binary", "real") and the number of outputs that it needs."""

    form: str
    outputs: int


class Outcome(NamedTuple):
    """Outputs y (N, O) of a network, the form of target it was trained on, and the activation that gave the outputs.

    chances: whether outputs are probabilities, "each" of its own label, or those of a "row" of its classes; else "".
    units: what the loss gives for each target, by name, with its unit; empty: one value or label.  columns: the roles
    of the target's columns where they are unequal; outputs are then for the first alone.
    """

    y: np.ndarray
    form: str
    activation: str
    chances: str = ""
    units: Mapping[str, str] = {}
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task(ABC):
    """What is predicted, as far as the data determines it.  names: the target columns."""

    names: tuple[str, ...]

    name: ClassVar[str]  # its name in a spec
    metrics: ClassVar[tuple[str, ...]]  # the default metrics
    roles: ClassVar[tuple[str, ...]]  # the roles of a metric that the outputs provide
    trait: ClassVar[str] = ""  # a trait that every metric must have to serve the task
    standardized: ClassVar[str] = ""  # the kind of target for which targets are standardized
    several_outputs: ClassVar[bool] = False  # whether a loss may take several outputs per target
    labelled: ClassVar[bool] = False  # whether one column holds each row's class, which gives the form "label"

    # ---- targets

    @classmethod
    @abstractmethod
    def of(cls, raws: Mapping[str, Raw]) -> Task:
        """Return the task for the target columns of all parts; DataError if they do not fit."""

    @property
    @abstractmethod
    def loss(self) -> str:
        """The name of the default loss."""

    @property
    @abstractmethod
    def forms(self) -> Mapping[str, str]:
        """The form of target for each kind that a loss may ask for: "label", or one of component.TARGETS."""

    def width(self, form: str) -> int:
        """Return the number of outputs for this form, where the loss takes one output per target."""
        return len(self.names)

    def target_for(self, wanted: str, outputs: int, columns: int = 0) -> TargetForm | None:
        """Return the form of target for a loss; None if the loss cannot serve the task.

        wanted: the kind of target that the loss asks for.  outputs: how many outputs it takes per target.  columns: how
        many columns of unequal roles a target has; 0 for one of its own for each column.
        """
        form = self.forms.get(wanted)
        if form is None or (outputs > 1 and not self.several_outputs) or columns not in (0, len(self.names)):
            return None
        return TargetForm(form, outputs if columns else self.width(form) * outputs)

    def fit(self, raw_target: np.ndarray, target_scale: str) -> Task:
        """Return the task with targets scaled as in the training part.  target_scale: as in a spec, but "auto"."""
        return self

    def bounded(self, raw_target: np.ndarray) -> Task:
        """Return the task with predictions between the smallest and the largest target of the training part."""
        return self

    def original(self, raw: Raw) -> np.ndarray:
        """Return the target as given: labels (N,), yes/no labels (N, T) or numbers (N, T)."""
        if len(raw.targets) != len(self.names):
            raise DataError(f"{raw.place(0)}: {len(raw.targets)} target columns where {len(self.names)} are needed")
        return self._original(raw)

    def _original(self, raw: Raw) -> np.ndarray:
        return np.stack([_numbers(raw, name) for name in raw.targets], axis=1)

    @abstractmethod
    def encode(self, raw_target: np.ndarray, form: str, dtype: str) -> np.ndarray:
        """Return the target as a loss takes it.

        label, order (N,), one_hot (N, K), binary (N, 1) or (N, T), real (N, T).
        """

    def check(self, raw: Raw) -> None:
        """Refuse targets of new data that training has not seen."""
        return

    # ---- classes

    @property
    def subjects(self) -> tuple[Any, ...]:
        """What the outputs, and the columns of probabilities, stand for: classes as given, or targets."""
        return self.names

    @property
    def classes_or_pairs(self) -> tuple[Any, ...] | None:
        """The classes as given, or the values for no and yes of each yes/no label; None if there are none."""
        return None

    def means(self, raw_target: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return the numbers (N, k) of which codes of categories take means, and their names; one alone needs none."""
        return self._named(np.asarray(raw_target, np.float64))

    def _named(self, values: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        return values, ("",) if values.shape[1] == 1 else tuple(map(str, self.subjects))

    def class_counts(self, raw_target: np.ndarray) -> np.ndarray | None:
        """Return the number of rows of each class (K,); None if the task has no classes to weight."""
        return None

    def class_weight(self, raw_target: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return each row's weight (N,) by the weights (K,) of the classes, for a task with class_counts."""
        raise NotImplementedError

    # ---- outputs

    def in_units(self, found: Outcome) -> np.ndarray:
        """Return the outputs (N, O), each in the unit of the target, in which those of several models can be averaged.

        They are as they come, unless the task scales targets."""
        return np.asarray(found.y, np.float64)

    def from_units(self, found: Outcome) -> np.ndarray:
        """Return what `in_units` has turned into these outputs (N, O)."""
        return found.y

    @abstractmethod
    def predictions(self, found: Outcome) -> np.ndarray:
        """Return labels as in the data, (N,) or (N, T), or values: (N,) of one target, (N, T) of several."""

    @abstractmethod
    def probabilities(self, found: Outcome) -> np.ndarray:
        """Return the probability of each class (N, K), or of yes for each label (N, T); DataError if there is none."""

    @abstractmethod
    def truth(self, raw_target: np.ndarray) -> np.ndarray:
        """Return the target as metrics read it: the index of each row's class (N,), 1 for yes (N, T), or numbers."""

    @abstractmethod
    def measurable(self, found: Outcome, truth: np.ndarray) -> dict[str, np.ndarray]:
        """Return what a metric may ask for, by role: t, and those of the task's roles that the outputs provide."""

    @abstractmethod
    def columns(self, found: Outcome) -> dict[str, np.ndarray]:
        """Return everything that the outputs give, as columns (N,) by name."""

    @abstractmethod
    def usual(self, raw_target: np.ndarray) -> tuple[tuple[float, ...], ...]:
        """Return what the training part says without a look at inputs: one or several of what `guess` takes."""

    @abstractmethod
    def guess(self, usual: np.ndarray, t: np.ndarray) -> dict[str, np.ndarray]:
        """Return what a metric may ask for where every row is predicted as usual (T or K).  t: as of `measurable`."""

    def confusion(self, found: Outcome, truth: np.ndarray) -> Confusion | None:
        """Return how many rows of each class (a row of the table) are predicted as each class (a column), or None.

        truth: as of `truth`.
        """
        return None

    # ---- for people and files

    @abstractmethod
    def __str__(self) -> str: ...

    def notes(self) -> tuple[str, ...]:
        """Return what the user should know about the targets."""
        return ()

    def warnings(self, raw_target: np.ndarray) -> tuple[str, ...]:
        """Return what cannot be learned from the targets of the training part."""
        return ()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values from which from_dict restores the same task, floats bit for bit."""
        name = type(self).__module__.rpartition(".")[2]
        return {"type": name, **{one.name: getattr(self, one.name) for one in fields(self)}}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """Restore a task of this class."""
        return cls(**{one.name: as_tuples(given[one.name]) for one in fields(cls)})


def _numbers(raw: Raw, name: str) -> np.ndarray:
    """Return a target column as float64; text is an error that names the first cell."""
    column = raw.targets[name]
    if isinstance(column, Texts):
        what = f"{quoted(column.original[0])} is no number, which is needed here"
        raise raw.fault(0, name, f'{what}; correct it, or set data.task to "classification"', "data.target")
    return column.values.astype(np.float64)


class TooLargeTarget(DataError):
    """A target is too large.  row: its place among the targets; column: its name; what: the same without the place."""

    def __init__(self, row: int, column: str, what: str) -> None:
        super().__init__(f"row {row + 1}, column {quoted(column)}: {what}", key="data.target")
        self.row, self.column, self.what = row, column, what


def narrow(task: Task, raw_target: np.ndarray, values: np.ndarray, dtype: str) -> np.ndarray:
    """Convert targets (N, T), raw and as scaled values, to a dtype; one that is too large for it is an error."""
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(values, dtype=dtype)
    if not np.isfinite(found).all():
        row, column = np.argwhere(~np.isfinite(found))[0]
        given = np.reshape(raw_target, found.shape)[row, column]
        what = f'the target {given:g} is too large for {np.dtype(dtype)}; set data.target_scale to "standard"'
        raise TooLargeTarget(int(row), task.names[column], what)
    return found
