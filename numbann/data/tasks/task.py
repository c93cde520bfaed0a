"""What a task is: an object that encodes targets, reads outputs and knows its default loss and metrics.

It knows no component: a loss asks for a kind of target, a metric for roles.  Letters: N rows, T targets, O outputs,
K classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from numbann.data.columns import Texts
from numbann.data.contract import as_tuples
from numbann.data.table import Raw
from numbann.data.wording import quoted
from numbann.errors import DataError

Confusion = list[list[int]]


class Target(NamedTuple):
    """A form of target ("label", "one_hot", "binary", "real") and the number of outputs that meet it."""

    form: str
    outputs: int


class Outcome(NamedTuple):
    """Outputs y (N, O) of a network trained on a form of target, and the name of the activation that made them."""

    y: np.ndarray
    form: str
    activation: str


@dataclass(frozen=True)
class Task(ABC):
    """What is predicted, and what of it the data tells.  names: the target columns."""

    names: tuple[str, ...]

    name: ClassVar[str]  # in a spec
    metrics: ClassVar[tuple[str, ...]]  # that "auto" means
    roles: ClassVar[tuple[str, ...]]  # that its outputs give to a metric
    trait: ClassVar[str] = ""  # without which no metric serves it
    standardized: ClassVar[str] = ""  # what a loss wants that takes standardized targets
    several_outputs: ClassVar[bool] = False  # whether a loss may take several outputs a target
    labelled: ClassVar[bool] = False  # whether one column holds the class of each row, so that there is a form "label"

    # ---- targets

    @classmethod
    @abstractmethod
    def of(cls, raws: Mapping[str, Raw]) -> Task:
        """The task over the target columns of all parts; DataError if they do not fit."""

    @property
    @abstractmethod
    def loss(self) -> str:
        """The name of the loss that "auto" means."""

    @property
    @abstractmethod
    def forms(self) -> Mapping[str, str]:
        """The form of the target by what a loss that serves the task wants: "label", or one of component.TARGETS."""

    def width(self, form: str) -> int:
        """How many outputs meet a target of this form, where the loss takes one a target."""
        return len(self.names)

    def target_for(self, wanted: str, outputs: int) -> Target | None:
        """The target for a loss that wants it so, of so many outputs a target; None if it cannot serve the task."""
        form = self.forms.get(wanted)
        if form is None or (outputs > 1 and not self.several_outputs):
            return None
        return Target(form, self.width(form) * outputs)

    def fit(self, raw_target: np.ndarray, target_scale: str) -> Task:
        """The task with the scaling of the training part's targets: "standard" or "none"."""
        return self

    def original(self, raw: Raw) -> np.ndarray:
        """The target as it came: labels (N,), yes/no labels (N, T) or numbers (N, T)."""
        if len(raw.targets) != len(self.names):
            raise DataError(f"{raw.place(0)}: {len(raw.targets)} target columns where {len(self.names)} are needed")
        return self._original(raw)

    def _original(self, raw: Raw) -> np.ndarray:
        return np.stack([_numbers(raw, name) for name in raw.targets], axis=1)

    @abstractmethod
    def encode(self, raw_target: np.ndarray, form: str, dtype: str) -> np.ndarray:
        """The target as a loss sees it: label (N,), one_hot (N, K), binary (N, 1) or (N, T), real (N, T)."""

    # ---- classes

    @property
    def subjects(self) -> tuple[Any, ...]:
        """What outputs, and columns of probabilities, are about: classes as they came, or targets."""
        return self.names

    @property
    def classes_or_pairs(self) -> tuple[Any, ...] | None:
        """The classes as they came, or no and yes of each yes/no label; None if there are none."""
        return None

    def class_counts(self, raw_target: np.ndarray) -> np.ndarray | None:
        """How many rows each class has (K,); None where weights of classes mean nothing."""
        return None

    def class_weight(self, raw_target: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """How much each row counts (N,) by the weights (K,) of its classes, if there are class_counts."""
        raise NotImplementedError

    # ---- outputs

    @abstractmethod
    def predictions(self, found: Outcome) -> np.ndarray:
        """Labels as they came (N,) or (N, T), or values: (N,) of one target, (N, T) of several."""

    @abstractmethod
    def probabilities(self, found: Outcome) -> np.ndarray:
        """The probability of each class (N, K), or of yes for each label (N, T); DataError if there are none."""

    @abstractmethod
    def measurable(self, found: Outcome, raw_target: np.ndarray) -> dict[str, np.ndarray]:
        """What a metric may ask for by its role: t, and of the task's roles those that the outputs give."""

    def confusion(self, found: Outcome, raw_target: np.ndarray) -> Confusion | None:
        """How many rows of each class (a row of the table) are predicted as each; None where there is no table."""
        return None

    # ---- for people and files

    @abstractmethod
    def __str__(self) -> str: ...

    def notes(self) -> tuple[str, ...]:
        """What a person should know of the targets."""
        return ()

    def warnings(self, raw_target: np.ndarray) -> tuple[str, ...]:
        """What cannot be learned from the training part's targets."""
        return ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; from_dict gives the same back, floats bit for bit."""
        name = type(self).__module__.rpartition(".")[2]
        return {"type": name, **{one.name: getattr(self, one.name) for one in fields(self)}}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """The task of this class with what was found."""
        return cls(**{one.name: as_tuples(given[one.name]) for one in fields(cls)})


def _numbers(raw: Raw, name: str) -> np.ndarray:
    """A target column as float64; text is an error that names the first cell."""
    column = raw.targets[name]
    if isinstance(column, Texts):
        what = f"{quoted(column.original[0])} is no number, which is needed here"
        raise raw.fault(0, name, f'{what}; correct it, or set data.task to "classification"', "data.target")
    return column.values.astype(np.float64)


def narrow(values: np.ndarray, dtype: str) -> np.ndarray:
    """Targets in a dtype; one that is too large for it is an error."""
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(values, dtype=dtype)
    if not np.isfinite(found).all():
        raise DataError(f'the target has values too large for {np.dtype(dtype)}; set data.target_scale to "standard"')
    return found
