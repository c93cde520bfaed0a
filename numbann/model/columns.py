"""Predictions as columns by name, and columns as rows of JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import numpy as np

from numbann.data.tasks.task import Outcome, Task
from numbann.errors import DataError

Columns = dict[str, np.ndarray]


def predicted(task: Task, found: Outcome, dtype: str, *, probabilities: bool | None, outputs: bool = False) -> Columns:
    """Return predictions as columns: `prediction`, or `prediction_NAME` for several targets.

    probabilities: with p_CLASS; None: if there are any.  outputs: with everything that the outputs give.  Numbers are
    as short as the precision of the model allows.
    """
    labels = task.predictions(found)
    columns = labels[:, None] if labels.ndim == 1 else labels
    names = ["prediction"] if columns.shape[1] == 1 else [f"prediction_{name}" for name in task.names]
    blocks = [columns]
    if probabilities or (probabilities is None and _has_probabilities(task, found)):
        names += [f"p_{name}" for name in task.subjects]
        blocks += [task.probabilities(found)]
    if outputs:
        given = {name: column for name, column in task.columns(found).items() if name not in names}
        names += given
        blocks += [column[:, None] for column in given.values()]
    every = [_shorten(column, dtype) for block in blocks for column in block.T]
    return dict(zip(names, every, strict=True))


def _has_probabilities(task: Task, found: Outcome) -> bool:
    try:
        return task.probabilities(found) is not None
    except DataError:
        return False


def _shorten(column: np.ndarray, dtype: str) -> np.ndarray:
    """Make numbers as short as the model's precision allows; anything else stays."""
    return column.astype(dtype) if column.dtype.kind == "f" else column


def as_rows(columns: Columns) -> Iterator[dict[str, Any]]:
    """Yield the rows of columns, each an object of JSON."""
    cells = zip(*(map(_plain, column) for column in columns.values()), strict=True)
    return (dict(zip(columns, row, strict=True)) for row in cells)


def _plain(cell: Any) -> Any:
    """Return a cell as a value of JSON, with no more digits than its precision has."""
    if isinstance(cell, np.floating):
        return float(str(cell))
    return cell.item() if isinstance(cell, np.generic) else cell


def as_csv(columns: Columns) -> str:
    """Return columns as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()
