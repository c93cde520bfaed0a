"""What targets and outputs of an estimator mean to its loss: scikit-learn's arrays as numbann's tasks take them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight

from numbann.components.built_in import built_in
from numbann.components.component import Configured
from numbann.data.table import OUTSIDE
from numbann.data.tasks.classification import Classification
from numbann.data.tasks.multilabel import Multilabel
from numbann.data.tasks.regression import Regression
from numbann.data.tasks.task import Task
from numbann.model.outputs import outcome
from numbann.network.plan import Plan
from numbann.plugins.finding import with_files
from numbann.sklearn import mathematics
from numbann.sklearn.components import configured
from numbann.sklearn.parameters import is_theirs
from numbann.spec.tasks import target_for, unfit_loss

LOSSES = {
    "identity": mathematics.HALF_SQUARED_ERROR,
    "exp": mathematics.HALF_POISSON_DEVIANCE,
    "logistic": mathematics.BINARY_LOG_LOSS,
}


def loss_of(estimator: Any, outputs: int) -> Configured:
    """Return the loss of an estimator with so many outputs."""
    if not is_theirs(estimator, "loss"):
        return configured("loss", estimator.loss)
    if estimator.out_activation_ == "softmax":
        return built_in().configured("loss", "softmax_cross_entropy")
    return LOSSES[estimator.out_activation_].configured(outputs=float(outputs))


def task_of(estimator: Any) -> Task:
    """Return what an estimator predicts, by the targets that it has seen."""
    several = tuple(f"y{k}" for k in range(estimator.n_outputs_))
    if not isinstance(estimator, ClassifierMixin):
        return Regression(several)
    if estimator._label_binarizer.y_type_.startswith("multilabel"):
        return Multilabel(several, ((0, 1),) * len(several))
    return Classification(("y",), tuple(range(max(2, len(estimator.classes_)))))


def form_of(estimator: Any) -> tuple[str, int]:
    """Return the form of targets that the loss takes, and how many outputs; ValueError if it cannot serve the task."""
    if is_theirs(estimator, "loss"):
        return "", int(estimator.n_outputs_)
    chosen, task = configured("loss", estimator.loss), task_of(estimator)
    loss = chosen.component
    if loss.columns or loss.asks("group", "group_end"):
        told = "needs target columns of unequal roles" if loss.columns else "goes by groups of rows"
        raise ValueError(f"loss={estimator.loss!r} {told}, which a spec can name: numbann.train takes one")
    found = target_for(loss, task, chosen.values)
    if found is None:
        raise ValueError(f"loss={estimator.loss!r}: {unfit_loss(loss, task, with_files())}")
    return found.form, found.outputs


def check_targets(estimator: Any, y: np.ndarray) -> None:
    """ValueError for targets for which the loss is not defined."""
    if isinstance(estimator, ClassifierMixin) or is_theirs(estimator, "loss"):
        return
    loss = configured("loss", estimator.loss).component
    outside, takes = OUTSIDE.get(str(loss.traits["target"]), (np.zeros_like, ""))
    wrong = np.argwhere(outside(y))
    if len(wrong):
        raise ValueError(f"y has {y[tuple(wrong[0])]}, but loss={estimator.loss!r} {takes}")


def targets_of(plan: Plan, y: np.ndarray) -> np.ndarray:
    """Return targets (N, O) as the loss of a plan takes them."""
    if plan.target == "label":
        return y[:, 0].astype(np.int64) if y.shape[1] == 1 else y.argmax(axis=1)
    if plan.target == "one_hot" and y.shape[1] < plan.outputs:  # of two classes, the second is what y says
        y = np.hstack((~y, y))
    return np.asarray(y, plan.dtype)


def answers_of(estimator: Any, plan: Plan, outputs: np.ndarray) -> np.ndarray:
    """Return what a network's outputs say (N, T): values, probabilities, or 1 for the label where a loss has none."""
    if is_theirs(estimator, "loss"):
        return outputs
    link, task = plan.link or built_in().configured("activation", "identity"), task_of(estimator)
    found = outcome(outputs, form_of(estimator)[0], link.component, plan.loss.component.named or plan.loss.component)
    if isinstance(task, Regression):
        return task.values(found).astype(outputs.dtype)
    assert isinstance(task, Classification | Multilabel)
    if task.has_probabilities(found):
        shares = task.probabilities(found)
    else:
        labels = task.indices(found)
        shares = np.eye(len(task.subjects))[labels] if isinstance(task, Classification) else labels
    return shares[:, -estimator.n_outputs_ :].astype(outputs.dtype)


def gives_probabilities(estimator: Any) -> bool:
    """Tell whether the loss makes outputs probabilities; it need not be fitted."""
    if is_theirs(estimator, "loss"):
        return True
    link = configured("loss", estimator.loss).component.traits["link"]
    return bool(with_files().get("activation", link).traits["probabilities"])


def weighted(estimator: Any, y: np.ndarray, weight: np.ndarray | None, incremental: bool) -> np.ndarray | None:
    """Return the weights of rows (N,) times those of their classes; y (N, O): what the binarizer has made of them."""
    given = getattr(estimator, "class_weight", None)
    if given is None:
        return weight
    if incremental and given == "balanced":
        told = "class_weight='balanced' needs all rows, and partial_fit has some of them"
        raise ValueError(f"{told}; give a dict of weights, by class")
    labels = estimator._label_binarizer.inverse_transform(y)
    of_class: np.ndarray = compute_sample_weight(given, labels)
    return of_class if weight is None else of_class * weight
