"""From the outputs of networks to answers: labels, probabilities and values, as `numbann.data.tasks` reads them.

Letters: N rows, O outputs, T targets, K classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from numbann.data.quantiles import normal_levels
from numbann.data.tasks.labels import OfClasses, threshold_of
from numbann.data.tasks.multilabel import Multilabel
from numbann.data.tasks.regression import Regression
from numbann.data.tasks.task import Outcome
from numbann.errors import ExportError
from numbann.model.export import formulas
from numbann.model.export.cells import interpolated
from numbann.model.export.formulas import formula
from numbann.model.export.writer import V, Writer
from numbann.model.outputs import outcome_of
from numbann.records import dataclass

if TYPE_CHECKING:
    from numbann.model.model import Model

LABEL, PROBABILITIES, SCORES, VALUE = "label", "probabilities", "scores", "value"  # the names of answers
UNITS: dict[str, Callable[..., float]] = {
    "target": formulas.unscaled,
    "difference": formulas.times,
    "square": formulas.times_square,
}


def answers_of(model: Model) -> Answers:
    """Return what writes the answers of a model."""
    task, found = model.preprocessing.task, outcome_of(model.resolved, np.empty((0, model.plan.outputs)))
    match task:
        case OfClasses():
            return Classes(task, found)
        case Multilabel():
            return YesNo(task, found)
        case Regression():
            return Values(task, found)
    raise ExportError(f"{task}: the answers of this task cannot be exported")


class Answers(ABC):
    """The answers of a task."""

    def in_units(self, y: V, writer: Writer[V]) -> list[V]:
        """Write outputs (N, O) of a network as values of which several networks have a mean."""
        return [writer.widened(y)]

    @abstractmethod
    def write(self, values: Sequence[V], writer: Writer[V]) -> None:
        """Write the answers for such values."""


@dataclass(frozen=True)
class Classes(Answers):
    """The label of a class, and the probability of each class."""

    task: OfClasses
    found: Outcome

    def write(self, values: Sequence[V], writer: Writer[V]) -> None:
        (y,), chances = values, self.task.has_probabilities(self.found)
        by_threshold = self.found.form in ("binary", "order")
        place = writer.reaching(y, threshold_of(self.found)) if by_threshold else writer.largest(y)
        writer.labels(LABEL, [place], [self.task.subjects])
        if by_threshold and chances:
            y = self.of_classes(y, writer)
        writer.answer(PROBABILITIES if chances else SCORES, y)

    def of_classes(self, y: V, writer: Writer[V]) -> V:
        """Write the probability of each class (N, K) for the chances (N, K - 1) to be above each but the last."""
        above = writer.select(y, [0])
        shares = [writer.apply(formula(formulas.rest), {"x": above})]
        for k in range(1, len(self.task.subjects) - 1):
            higher = writer.apply(formula(formulas.less), {"x": above, "y": writer.select(y, [k])})
            shares.append(writer.apply(formula(formulas.apart), {"x": above, "y": higher}))
            above = higher
        return writer.join([*shares, above])


@dataclass(frozen=True)
class YesNo(Answers):
    """Several yes/no labels, and the probability of yes for each."""

    task: Multilabel
    found: Outcome

    def write(self, values: Sequence[V], writer: Writer[V]) -> None:
        (y,), threshold = values, threshold_of(self.found)
        columns = [writer.select(y, [k]) for k in range(len(self.task.names))]
        places = [writer.reaching(column, threshold) for column in columns]
        if len({type(value) for pair in self.task.pairs for value in pair}) == 1:
            writer.labels(LABEL, places, self.task.pairs)
        else:
            for name, place, pair in zip(self.task.names, places, self.task.pairs, strict=True):
                writer.labels(f"{LABEL}_{name}", [place], [pair])
        writer.answer(PROBABILITIES if self.task.has_probabilities(self.found) else SCORES, y)


@dataclass(frozen=True)
class Values(Answers):
    """Values of targets in their own units, and what else a loss gives."""

    task: Regression
    found: Outcome

    @property
    def names(self) -> tuple[str, ...]:
        """The targets that are predicted."""
        return self.task.names[:1] if self.found.columns else self.task.names

    def in_units(self, y: V, writer: Writer[V]) -> list[V]:
        y, width = writer.widened(y), len(self.names)
        shift, scale = (np.array(one[:width]) for one in (self.task.shift or (0.0,), self.task.scale or (1.0,)))
        found = []
        for j, unit in enumerate((self.found.units or {"": "target"}).values()):
            block = writer.select(y, range(j * width, (j + 1) * width))
            given = {"shift": shift, "scale": scale} if unit == "target" else {"scale": scale}
            if unit in UNITS:
                block = writer.apply(formula(UNITS[unit]), {"x": block, **given})
            found.append(self.unbent(block, writer) if unit == "target" else block)
        return found

    def unbent(self, values: V, writer: Writer[V]) -> V:
        """Write values of targets for those that were bent."""
        if self.task.bend == "log":
            return writer.apply(formula(formulas.unbent), {"x": values})
        if self.task.knots:
            lines = [normal_levels(knots)[::-1] for knots in self.task.knots[: len(self.names)]]
            return interpolated(values, [(np.asarray(x), np.asarray(y)) for x, y in lines], writer)
        return values

    def write(self, values: Sequence[V], writer: Writer[V]) -> None:
        first = values[0]
        if self.task.low:
            bounds = {"low": np.array(self.task.low), "high": np.array(self.task.high)}
            first = writer.apply(formula(formulas.between), {"x": first, **bounds})
        writer.answer(VALUE, first)
        for name, block in zip(self.found.units, values, strict=False):
            writer.answer(name, block)
