"""The predictions out of fold: for each training row, what the models say that have not seen it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from numbann.model.columns import Columns, predicted
from numbann.model.outputs import outcome_of
from numbann.training.preparation import Prepared
from numbann.training.trained import Together, Trained


def columns_by_repeat(whole: Prepared, folds: Sequence[Trained]) -> Columns:
    """Return the columns of models whose rows are cut anew: a line for each row and repeat, and a column `repeat`."""
    repeats = sorted({one.place.repeat for one in folds})
    each = [columns_of(whole, [one for one in folds if one.place.repeat == repeat]) for repeat in repeats]
    row, *others = each[0]
    repeat = np.repeat(repeats, [len(one[row]) for one in each])
    return {
        row: np.concatenate([one[row] for one in each]),
        "repeat": repeat,
        **{name: np.concatenate([one[name] for one in each]) for name in others},
    }


def columns_of(whole: Prepared, folds: Sequence[Trained]) -> Columns:
    """Return the columns: row (from 1, of the rows that are used), fold, target, prediction and probabilities.

    Of several models for a row, the prediction is their mean, and fold that of the first.
    """
    train, task = whole.dataset.train, whole.dataset.preprocessing.task
    together = Together.of([one.outputs["validation"] for one in folds], len(train.raw_target))
    fold_of = np.zeros(len(train.raw_target), np.int64)
    for one in reversed(folds):
        fold_of[one.outputs["validation"].rows] = one.place.fold or 0
    assert whole.source is not None
    raw, rows = whole.source.parts["train"]
    number = np.arange(len(raw.table))[rows]
    given = train.raw_target[together.rows]
    targets = given[:, None] if given.ndim == 1 else given
    names = ["target"] if targets.shape[1] == 1 else [f"target_{name}" for name in task.names]
    return {
        "row": number[together.rows] + 1,
        "fold": fold_of[together.rows],
        **dict(zip(names, targets.T, strict=True)),
        **predicted(task, outcome_of(whole.resolved, together.outputs(whole)), whole.plan.dtype, probabilities=None),
    }
