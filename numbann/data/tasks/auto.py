"""Chooses the task for "auto": text, booleans and few distinct integers are classes, all else is a regression.

Integers are few up to 15 values, unless they look like years.  Up to 50 values, they are classes where they look like
codes: 0, 1, 2, ... or 1, 2, 3, ... whose rows rise and fall at random, or not at all, as those of amounts do not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from numbann.data.columns import Column, Numbers
from numbann.data.kinds import TRUTH
from numbann.data.table import Raw
from numbann.data.wording import counted

MOST_CLASSES, LEAST_ROWS = 50, 10  # integers with more values, or with fewer rows per value, are a regression
MOST_AMOUNTS = 15  # integers with more values are a regression unless they look like codes
YEARS = (1500, 2200)
LEAST_TURNS = 0.4  # of the places where the rows of codes may turn from more to less; of random ones two thirds do


def decide_task(asked: str, raws: Sequence[Raw], classes_given: bool) -> tuple[str, str | None]:
    """Return the task, and the reason for it if the spec leaves it open."""
    if asked != "auto":
        return asked, None
    if classes_given:
        return "classification", "the labels are classes"
    if len(raws[0].targets) > 1:
        return "regression", "there are several targets"
    return _task_of([next(iter(raw.targets.values())) for raw in raws])


def _task_of(columns: Sequence[Column]) -> tuple[str, str]:
    numbers = [column for column in columns if isinstance(column, Numbers)]
    if len(numbers) < len(columns):
        texts = [column for column in columns if not isinstance(column, Numbers)]
        truth = len(texts) == len(columns) and all(text.lower() in TRUTH for one in texts for text in one.values)
        return "classification", "the target is true or false" if truth else "the target is text"
    if all(column.values.dtype.kind == "b" for column in numbers):
        return "classification", "the target is true or false"
    values = np.concatenate([column.values for column in numbers])
    if values.dtype.kind == "f" and not (values == np.floor(values)).all():
        return "regression", "the target has fractions"
    distinct, counts = np.unique(values, return_counts=True)
    classes = _are_classes(distinct, counts)
    reason = f"the target is whole numbers: {counted(len(distinct), 'value')} in {counted(len(values), 'row')}"
    if len(distinct) == 2 or len(distinct) > MOST_CLASSES:
        return "classification" if classes else "regression", reason
    other = '"task": "regression" if they are amounts' if classes else '"task": "classification" if they are labels'
    return "classification" if classes else "regression", f"{reason}; {other}"


def _are_classes(values: np.ndarray, counts: np.ndarray) -> bool:
    """Tell whether whole numbers are classes.  values (K,): the distinct ones in order; counts (K,): their rows."""
    if len(values) > MOST_CLASSES or counts.sum() < LEAST_ROWS * len(values):
        return False
    if len(values) > 2 and YEARS[0] <= values[0] and values[-1] <= YEARS[1]:
        return False
    if len(values) <= MOST_AMOUNTS:
        return True
    steps = np.sign(np.diff(counts.astype(np.int64)))
    uneven = (steps[1:] != steps[:-1]).mean() >= LEAST_TURNS or not steps.any()
    return bool(values[0] in (0, 1) and (np.diff(values) == 1).all() and uneven)
