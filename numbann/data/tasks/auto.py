"""Chooses the task for "auto": text, booleans and few distinct integers are classes, all else is a regression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from numbann.data.columns import Column, Numbers
from numbann.data.table import Raw
from numbann.data.wording import counted

MOST_CLASSES, LEAST_ROWS = 50, 10  # integers with more values, or with fewer rows per value, are a regression


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
        return "classification", "the target is text"
    if all(column.values.dtype.kind == "b" for column in numbers):
        return "classification", "the target is true or false"
    values = np.concatenate([column.values for column in numbers])
    if values.dtype.kind == "f" and not (values == np.floor(values)).all():
        return "regression", "the target has fractions"
    distinct = len(np.unique(values))
    few = distinct <= MOST_CLASSES and len(values) >= LEAST_ROWS * distinct
    return (
        "classification" if few else "regression",
        f"the target is whole numbers: {counted(distinct, 'value')} in {counted(len(values), 'row')}",
    )
