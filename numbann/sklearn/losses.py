"""Losses beyond scikit-learn's: which targets they take, and what their outputs say, by numbann's tasks.

Imported where such a loss is named, since it takes the spec's rules along.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from numbann.components.built_in import built_in
from numbann.data.table import OUTSIDE
from numbann.data.tasks.classification import Classification
from numbann.data.tasks.multilabel import Multilabel
from numbann.data.tasks.regression import Regression
from numbann.data.tasks.task import Outcome, TargetForm, Task
from numbann.model.outputs import outcome
from numbann.network.plan import Plan
from numbann.plugins.finding import with_files
from numbann.sklearn.components import configured
from numbann.spec.tasks import target_for, unfit_loss


def task_of(estimator: Any) -> Task:
    """Return what an estimator predicts, by the targets that it has seen."""
    several = tuple(f"y{k}" for k in range(estimator.n_outputs_))
    if not isinstance(estimator, ClassifierMixin):
        return Regression(several)
    if estimator._label_binarizer.y_type_.startswith("multilabel"):
        return Multilabel(several, ((0, 1),) * len(several))
    return Classification(("y",), tuple(range(max(2, len(estimator.classes_)))))


def form_of(estimator: Any) -> TargetForm:
    """Return the form of targets that the loss takes; ValueError if it cannot serve the task."""
    chosen, task = configured("loss", estimator.loss), task_of(estimator)
    loss = chosen.component
    if loss.columns or loss.asks("group", "group_end"):
        told = "needs target columns of unequal roles" if loss.columns else "goes by groups of rows"
        raise ValueError(f"loss={estimator.loss!r} {told}, which a spec can name: numbann.train takes one")
    found = target_for(loss, task, chosen.values)
    if found is None:
        raise ValueError(f"loss={estimator.loss!r}: {unfit_loss(loss, task, with_files())}")
    return found


def check_range(estimator: Any, y: np.ndarray) -> None:
    """ValueError for targets (N, O) of a regression for which the loss is not defined."""
    loss = configured("loss", estimator.loss).component
    outside, takes = OUTSIDE.get(str(loss.traits["target"]), (np.zeros_like, ""))
    wrong = np.argwhere(outside(y))
    if len(wrong):
        raise ValueError(f"y has {y[tuple(wrong[0])]}, but loss={estimator.loss!r} {takes}")


def answers_of(estimator: Any, plan: Plan, outputs: np.ndarray) -> np.ndarray:
    """Return what a network's outputs say (N, T): values, probabilities, or 1 for the label where a loss has none."""
    task, found = _outcome(estimator, plan, outputs)
    if isinstance(task, Regression):
        return task.values(found).astype(outputs.dtype)
    assert isinstance(task, Classification | Multilabel)
    if task.has_probabilities(found):
        shares = task.probabilities(found)
    else:
        labels = task.indices(found)
        shares = np.eye(len(task.subjects))[labels] if isinstance(task, Classification) else labels
    return shares[:, -estimator.n_outputs_ :].astype(outputs.dtype)


def places_of(estimator: Any, plan: Plan, outputs: np.ndarray) -> np.ndarray:
    """Return the place of each row's class (N,): the likeliest one, of ordered classes the median."""
    task, found = _outcome(estimator, plan, outputs)
    assert isinstance(task, Classification)
    return task.indices(found)


def _outcome(estimator: Any, plan: Plan, outputs: np.ndarray) -> tuple[Task, Outcome]:
    """Return the task, and outputs with what it needs to read them."""
    link = plan.link or built_in().configured("activation", "identity")
    return task_of(estimator), outcome(outputs, form_of(estimator).form, link.component, plan.loss.component)


def gives_probabilities(estimator: Any) -> bool:
    """Tell whether the loss makes outputs probabilities; the estimator need not be fitted."""
    link = configured("loss", estimator.loss).component.traits["link"]
    return bool(with_files().get("activation", link).traits["probabilities"])
