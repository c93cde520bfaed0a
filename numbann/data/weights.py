"""How much rows count: a column of weights, and weights of classes.  It reads no file and knows no loss.

Letters: N rows, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from numbann.data.columns import Texts, text_of
from numbann.data.table import Raw, Rows
from numbann.data.target import Target
from numbann.data.wording import LONGEST_LIST, listed, nearest, quoted
from numbann.errors import DataError

BALANCED = "balanced"


def check_weight(raw: Raw, name: str | None) -> None:
    """Refuse a weight that is no number, missing, infinite or negative, and weights that are all 0."""
    column = raw.weight
    if column is None:
        return
    if isinstance(column, Texts):
        row = np.argmax(~column.missing)
        raise raw.fault(row, name, f"{quoted(column.original[row])} is no number; a weight must be one", "data.weight")
    values = column.values
    faults = {"is missing": column.missing, "is infinite": np.isinf(values), "is negative": values < 0}
    for what, wrong in faults.items():
        if wrong.any():
            what = f"the weight {what}; correct it or leave the row out"
            raise raw.fault(np.argmax(wrong), name, what, "data.weight")
    if not values.any():
        raise raw.fault(0, name, "this weight and all others are 0; give some rows more", "data.weight")


def weight_of(raw: Raw, rows: Rows) -> np.ndarray | None:
    """The weights (n,) of some rows, if there are any."""
    return None if raw.weight is None else np.asarray(raw.weight.values[rows], np.float64)


def class_weights(asked: Any, target: Target, raw: Raw, rows: Rows, task: str) -> tuple[float, ...]:
    """A weight for each class: "balanced" over these rows, of the training part, {LABEL: number}, or none.

    Balanced is n / (K n_k) for a class of n_k of n rows, K classes having rows at all; as scikit-learn's
    compute_class_weight, so weights of rows do not matter.  A class that is not named, or has no row, gets 1.
    """
    if asked is None:
        return ()
    names = [str(text_of(label)) for label in _labels(target, task)]
    if asked == BALANCED:
        counts = _shares(target, target.original(raw)[rows]).sum(axis=0)
        filled = np.where(counts > 0, counts, 1)
        return tuple(np.where(counts > 0, counts.sum() / ((counts > 0).sum() * filled), 1.0).tolist())
    for name in asked:
        if name not in names:
            hint = nearest(name, names) or ";"
            raise DataError(f"{quoted(name)} is no class{hint} the classes: {listed(names)}", key="data.class_weight")
    return tuple(float(asked.get(name, 1)) for name in names)


def _labels(target: Target, task: str) -> tuple[Any, ...]:
    """What classes are named by: their labels, or the columns of their probabilities."""
    if target.classes is None and not target.probabilities:
        raise DataError(f"weights of classes need classes, and {task} has none; leave it out", key="data.class_weight")
    return target.classes or target.names


def _shares(target: Target, raw_target: np.ndarray) -> np.ndarray:
    """How much of each class every row is (N, K): one whole, or its probabilities."""
    return target.encode(raw_target, "one_hot" if target.labelled else "real", np.float64)


def loss_weight(
    target: Target, classes: tuple[float, ...], raw_target: np.ndarray, weight: np.ndarray | None
) -> np.ndarray | None:
    """How much each row counts in the loss (N,): its weight times its class's, or the mean of its probable classes'.

    None where all count alike.
    """
    if not classes:
        return weight
    weights = np.array(classes)
    of_class = (
        weights[target.class_index(raw_target)] if target.labelled else (_shares(target, raw_target) * weights).sum(1)
    )
    return of_class if weight is None else of_class * weight


def described(weights: Mapping[Any, float]) -> str:
    """Classes and their weights for a note."""
    shown = [f"{label}: {weight:.3g}" for label, weight in list(weights.items())[:LONGEST_LIST]]
    return ", ".join(shown) + (f" and {len(weights) - LONGEST_LIST} more" if len(weights) > LONGEST_LIST else "")
