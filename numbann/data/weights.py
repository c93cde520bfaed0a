"""Weights of rows: a column of weights, and weights of classes.

Letters: N rows, K classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from numbann.data.columns import Texts, text_of
from numbann.data.table import Raw, RowSelection
from numbann.data.tasks.task import Task
from numbann.data.wording import listed, nearest, quoted, shortened
from numbann.errors import DataError

BALANCED = "balanced"


def check_weight(raw: Raw, name: str | None) -> None:
    """Refuse a weight that is text, missing, infinite or negative, and weights that are all 0."""
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


def weight_of(raw: Raw, rows: RowSelection) -> np.ndarray | None:
    """Return the weights (n,) of some rows, if there are any."""
    return None if raw.weight is None else np.asarray(raw.weight.values[rows], np.float64)


def class_weights(asked: Any, task: Task, raw: Raw, rows: RowSelection) -> tuple[float, ...]:
    """Return one weight per class, or none.  asked: "balanced", {LABEL: number} or None; rows: the training rows.

    Balanced: n / (K n_k) for a class with n_k of the n rows, where K counts the classes that have rows.  Weights of
    rows do not enter, as in scikit-learn's compute_class_weight.  A class that is not named, or has no row, gets 1.
    """
    if asked is None:
        return ()
    counts = task.class_counts(task.original(raw)[rows])
    if counts is None:
        raise DataError(
            f"weights of classes need classes, and {task.name} has none; leave it out", key="data.class_weight"
        )
    names = [label if isinstance(label, str) else str(text_of(label)) for label in task.subjects]
    if asked == BALANCED:
        filled = np.where(counts > 0, counts, 1)
        return tuple(np.where(counts > 0, counts.sum() / ((counts > 0).sum() * filled), 1.0).tolist())
    for name in asked:
        if name not in names:
            hint = nearest(name, names) or ";"
            raise DataError(f"{quoted(name)} is no class{hint} the classes: {listed(names)}", key="data.class_weight")
    return tuple(float(asked.get(name, 1)) for name in names)


def notes_of(task: Task, weights: tuple[float, ...]) -> tuple[str, ...]:
    """Return a note of the classes and their weights, if there are any."""
    shown = [f"{label}: {weight:.3g}" for label, weight in zip(task.subjects, weights, strict=False)]
    return (f"class_weight: {shortened(shown)}",) if weights else ()
