"""A job: a planned network, the rows that train and validate it, and the course of its training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from math import inf
from numbers import Integral, Real

import numpy as np

from numbann.components.built_in import built_in
from numbann.components.component import Configured
from numbann.engine.shared.batches import count_steps
from numbann.engine.shared.feeding import Inputs, take_rows
from numbann.errors import ShapeError
from numbann.fit.rates import Rates
from numbann.fit.stopping import Watch
from numbann.network.plan import Plan
from numbann.records import dataclass

Measure = Callable[[np.ndarray], Mapping[str, float]]


def check_inputs(plan: Plan, x: Inputs) -> None:
    """ShapeError unless x has the plan's inputs."""
    width = x.shape[1:] if isinstance(x, np.ndarray) else (getattr(x, "width", None),)
    if width != (plan.inputs,):
        given = x.shape if isinstance(x, np.ndarray) else type(x).__name__
        raise ShapeError(f"x is {given}; give an array (rows, {plan.inputs}), one column for each input")


def _all_finite(values: np.ndarray) -> bool:
    """Whether no value is NaN or infinite, as far as they are in memory: a sum that is finite tells it in one pass."""
    if isinstance(values, np.memmap) or np.asarray(values).dtype.kind != "f":
        return True
    with np.errstate(all="ignore"):
        return bool(np.isfinite(np.sum(values)) or np.isfinite(values).all())


@dataclass(frozen=True)
class Rows:
    """Rows as the network sees them: x (N, I), and t as the loss sees it, labels (N,) or rows (N, T).

    weight (N,): how much each row counts in the loss; None: all the same.  group (N,): the group of each row, a whole
    number; a batch then holds whole groups.  Without it a loss that goes by groups takes each batch for one.
    """

    x: Inputs
    t: np.ndarray
    weight: np.ndarray | None = None
    group: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.t)

    def check(self, plan: Plan) -> None:
        """ShapeError unless a plan can take the rows: kernels read what they are given."""
        count, loss = len(self.x), plan.loss.component
        width, classes = loss.targets(plan.outputs), loss.classes(plan.outputs)
        check_inputs(plan, self.x)
        if not count:
            raise ShapeError("x has no rows; give one or more")
        shapes = [(count,), (count, 1)] if plan.target == "label" else [(count, width)]
        if not isinstance(self.t, np.ndarray) or self.t.shape not in shapes:
            raise ShapeError(f"t is {np.shape(self.t)}; give an array {shapes[0]} for {count} rows of x")
        if self.weight is not None and np.shape(self.weight) != (count,):
            raise ShapeError(f"weight has the shape {np.shape(self.weight)}; give {(count,)}")
        if self.weight is not None and plan.couples_losses and "weight" not in loss.roles:
            raise ShapeError(f"{loss.name} does not say what a row's weight does; leave weight out")
        self._check_group(count)
        if plan.target == "label" and not (
            self.t.dtype.kind in "iu" and self.t.min(initial=0) >= 0 and self.t.max(initial=0) < classes
        ):
            raise ShapeError(f"t holds labels of another kind; give whole numbers from 0 to {classes - 1}")
        self._check_values()

    def _check_values(self) -> None:
        for name, given in (("t", self.t), ("weight", self.weight)):
            if given is not None and not _all_finite(given):
                raise ShapeError(f"{name} holds NaN or infinite values; give finite numbers, or leave these rows out")
        if self.weight is not None and np.min(self.weight) < 0:
            raise ShapeError(f"weight holds {np.min(self.weight):g}; give numbers from 0, of which some are above")

    def _check_group(self, count: int) -> None:
        given = np.empty(count, int) if self.group is None else np.asarray(self.group)
        if given.shape != (count,) or given.dtype.kind not in "iu":
            raise ShapeError(f"group is {given.dtype} {given.shape}; give whole numbers {(count,)}")

    def at(self, places: np.ndarray) -> Rows:
        """The rows with these numbers, in memory."""
        weight, group = (None if each is None else each[places] for each in (self.weight, self.group))
        return Rows(take_rows(self.x, places), self.t[places], weight, group)


@dataclass(frozen=True)
class Job:
    """Everything that a training needs.

    learning_rate: the optimizer's; None for its own default.  The schedule multiplies it, after a linear rise over
    warmup_epochs.  watch: the key of the history that tells the best epoch; keep_best: whether that epoch's weights are
    the ones that predict in the end.  measure: from outputs on the validation rows to further measures of an epoch.
    """

    plan: Plan
    train: Rows
    validation: Rows | None = None
    epochs: int = 50
    learning_rate: float | None = None
    schedule: Configured = field(default_factory=lambda: built_in().configured("schedule", "constant"))
    warmup_epochs: int = 0
    watch: Watch = field(default_factory=lambda: Watch("train_loss"))
    keep_best: bool = False
    measure: Measure = lambda outputs: {}

    def __post_init__(self) -> None:
        for rows in (self.train, self.validation):
            if rows is not None:
                rows.check(self.plan)
        if self.train.weight is not None and not np.any(self.train.weight):
            raise ShapeError("weight is 0 for all rows of Job.train; give numbers from 0, of which some are above")
        if not (isinstance(self.epochs, Integral) and self.epochs >= 1):
            raise ShapeError(f"Job.epochs is {self.epochs!r}; give a whole number from 1")
        rate = self.learning_rate
        if rate is not None and not (isinstance(rate, Real) and 0 <= rate < inf):
            raise ShapeError(f"Job.learning_rate is {rate!r}; give a finite number of at least 0, or None")

    @property
    def look_ahead(self) -> list[str]:
        """The names of the schedules, of the rate or of other numbers, that depend on the number of epochs."""
        courses = (self.rates(), *self.courses(0).values())
        return [one.schedule.name for one in courses if one.look_ahead]

    def rates(self, rows: np.ndarray | None = None) -> Rates:
        """The learning rate of each step, for a training on all rows, or on those with these numbers."""
        rate, group = self.learning_rate, self.train.group
        if rows is not None and group is not None:
            group = group[rows]
        count = len(self.train if rows is None else rows)
        steps = count_steps(count, self.plan.batch_rows(count), group)
        if rate is None:
            rate = self.plan.optimizer.component.defaults()["learning_rate"]
        return Rates(self.schedule, rate, self.warmup_epochs, self.epochs, steps)

    def courses(self, steps: int) -> dict[str, Rates]:
        """Those of the plan's other numbers that change, for epochs of so many steps."""
        plan = self.plan
        return {
            name: Rates(
                course.schedule,
                plan.numbers[name],
                course.warmup_epochs,
                self.epochs,
                steps,
                inf if name == "weight_decay" else 1.0,
            )
            for name, course in plan.courses.items()
        }
