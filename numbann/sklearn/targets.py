"""Targets, outputs and weights of rows: scikit-learn's arrays as the network's loss takes them, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight

from numbann.components.component import Configured
from numbann.network.plan import Plan
from numbann.sklearn import mathematics
from numbann.sklearn.components import configured
from numbann.sklearn.parameters import is_theirs

LOSSES = {
    "identity": mathematics.HALF_SQUARED_ERROR,
    "exp": mathematics.HALF_POISSON_DEVIANCE,
    "logistic": mathematics.BINARY_LOG_LOSS,
    "softmax": mathematics.LOG_LOSS,
}


def loss_of(estimator: Any, outputs: int) -> Configured:
    """Return the loss of an estimator with so many outputs, its probabilities bounded as its weights' precision is."""
    if not is_theirs(estimator, "loss"):
        return configured("loss", estimator.loss)
    loss = LOSSES[estimator.out_activation_]
    values = {"outputs": float(outputs), "eps": float(np.finfo(vars(estimator)["coefs_"][0].dtype).eps)}
    return loss.configured(**{one.name: values[one.name] for one in loss.parameters})


def form_of(estimator: Any) -> tuple[str, int]:
    """Return the form of targets, and how many outputs; ValueError if the loss cannot serve the targets."""
    if is_theirs(estimator, "loss"):
        return "", int(estimator.n_outputs_)
    from numbann.sklearn import losses  # here, as below, since few name one

    return losses.form_of(estimator)


def check_targets(estimator: Any, y: np.ndarray) -> None:
    """ValueError for targets (N, O) for which the loss is not defined."""
    if not isinstance(estimator, ClassifierMixin) and not is_theirs(estimator, "loss"):
        from numbann.sklearn import losses

        losses.check_range(estimator, y)


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
    from numbann.sklearn import losses

    return losses.answers_of(estimator, plan, outputs)


def labels_of(estimator: Any, plan: Plan, outputs: np.ndarray) -> np.ndarray:
    """Return the class of each row (N,), or 0 and 1 for several labels (N, O), by what a network's outputs say."""
    binarizer = estimator._label_binarizer
    kind, classes = binarizer.y_type_, binarizer.classes_
    if kind != "multiclass" and (kind, len(classes)) != ("binary", 2):
        answers = answers_of(estimator, plan, outputs)
        found: np.ndarray = binarizer.inverse_transform(answers.ravel() if answers.shape[1] == 1 else answers)
        return found
    if is_theirs(estimator, "loss"):
        places = outputs.argmax(axis=1) if kind == "multiclass" else (outputs[:, 0] > 0.5).astype(np.intp)
    else:
        from numbann.sklearn import losses

        places = losses.places_of(estimator, plan, outputs)
    found = classes[places]
    return found


def gives_probabilities(estimator: Any) -> bool:
    """Tell whether the loss makes outputs probabilities; the estimator need not be fitted."""
    if is_theirs(estimator, "loss"):
        return True
    from numbann.sklearn import losses

    return losses.gives_probabilities(estimator)


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
    found = of_class if weight is None else of_class * weight
    if not incremental and not found.any():
        raise ValueError(f"class_weight={given!r} makes the weight of every row 0; give some of its classes more")
    return found
