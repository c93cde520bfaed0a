"""Codes of targets for the training rows themselves: of rows of the other folds, so that no row sees its own target.

As in scikit-learn's TargetEncoder, https://scikit-learn.org/stable/modules/preprocessing.html#target-encoder (2024).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from numbann.data.encoding import Encoding
from numbann.data.streaming import Inputs
from numbann.data.table import Raw, RowSelection
from numbann.data.tasks.task import Task
from numbann.data.transforms.codes.target import Coding
from numbann.errors import DataError

FOLDS = 5


def fold_codes(encoding: Encoding, raw: Raw, rows: RowSelection, task: Task, x: Inputs) -> None:
    """Write the inputs x (N, I) of training rows again, in place, each by codes of the other folds."""
    coded = {name: code for name, code in encoding.codes.items() if isinstance(code, Coding)}
    if not coded:
        return
    if not isinstance(x, np.ndarray):
        raise DataError("codes of targets need inputs that fit in memory; leave them out", key="data.columns")
    every = np.arange(len(raw.table))[rows]
    targets, of = task.means(task.original(raw))
    for fold in range(FOLDS):
        within = np.arange(len(every)) % FOLDS == fold
        others = every[~within]
        if not within.any() or not len(others):
            return
        fitted = {name: Coding.fit(raw.table.texts[name], others, targets[others], of) for name in coded}
        x[within] = replace(encoding, codes={**encoding.codes, **fitted}).apply(raw, every[within], x.dtype)
