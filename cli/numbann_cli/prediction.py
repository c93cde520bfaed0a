"""Reads new data and writes predictions as CSV or JSON, for the commands that use a trained model."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import click
import numpy as np

from numbann.data.files import Files
from numbann.data.preprocessing import NewData
from numbann.data.streaming import Inputs
from numbann.model.model import Model
from numbann.model.outputs import outcome_of
from numbann.training.rundir import json_text

Columns = dict[str, np.ndarray]


def read(model: Model, data: str | Files, *, need_target: bool) -> NewData:
    """Read and preprocess the rows of new data, with targets and weights if needed; warnings go to stderr."""
    found = model.preprocessing.read(data, need_target)
    for warning in found.warnings:
        click.echo(f"numbann: warning: {warning}", err=True)
    return found


def predict(model: Model, x: Inputs, probabilities: bool, outputs: bool = False) -> Columns:
    """Return predictions as columns: `prediction`, or `prediction_NAME` for several targets.

    probabilities: with p_CLASS.  outputs: with everything that the outputs give.
    """
    found, task = outcome_of(model.resolved, model.outputs(x)), model.preprocessing.task
    predicted = task.predictions(found)
    columns = predicted.reshape(len(predicted), -1)
    names = ["prediction"] if columns.shape[1] == 1 else [f"prediction_{name}" for name in model.targets]
    blocks = [columns]
    if probabilities:
        names += [f"p_{name}" for name in task.subjects]
        blocks += [task.probabilities(found)]
    if outputs:
        given = {name: column for name, column in task.columns(found).items() if name not in names}
        names += given
        blocks += [column[:, None] for column in given.values()]
    every = [_shorten(column, model.plan.dtype) for block in blocks for column in block.T]
    return dict(zip(names, every, strict=True))


def join(kept: Mapping[str, np.ndarray], predicted: Columns) -> Columns:
    """Return columns of the data before those that are predicted."""
    for name in predicted.keys() & kept.keys():
        raise click.UsageError(f'--keep: "{name}" is a column of the data and of the predictions; leave it out')
    return {**kept, **predicted}


def as_csv(columns: Columns) -> str:
    """Return columns as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def as_json(columns: Columns) -> str:
    """Return columns as JSON: a list with an object for each row, on a line of its own."""
    cells = zip(*([_plain(cell) for cell in column] for column in columns.values()), strict=True)
    return "[" + ",\n ".join(json_text(dict(zip(columns, row, strict=True))) for row in cells) + "]\n"


def _shorten(column: np.ndarray, dtype: str) -> np.ndarray:
    """Make numbers as short as the model's precision allows; anything else stays."""
    return column.astype(dtype) if column.dtype.kind == "f" else column


def _plain(cell: Any) -> Any:
    """Return a cell as a value of JSON, with no more digits than its precision has."""
    if isinstance(cell, np.floating):
        return float(str(cell))
    return cell.item() if isinstance(cell, np.generic) else cell
