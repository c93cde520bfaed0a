"""Reads new data and writes predictions as CSV, for the commands that use a trained model."""

from __future__ import annotations

import csv
import io

import click
import numpy as np

from numbann.data.preprocessing import NewData
from numbann.data.streaming import Inputs
from numbann.model.model import Model
from numbann.model.outputs import outcome_of


def read(model: Model, data: str, *, need_target: bool) -> NewData:
    """Read and preprocess the rows of new data, with targets and weights if needed; warnings go to stderr."""
    found = model.preprocessing.read(data, need_target)
    for warning in found.warnings:
        click.echo(f"numbann: warning: {warning}", err=True)
    return found


def table(model: Model, x: Inputs, probabilities: bool, outputs: bool = False) -> str:
    """Return predictions as CSV: `prediction`, or `prediction_NAME` for several targets.

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
    return _csv(names, [_cells(block, model.plan.dtype) for block in blocks])


def _cells(columns: np.ndarray, dtype: str) -> list[list[str]]:
    """Write numbers as short as the model's precision allows, and anything else unchanged."""
    if columns.dtype.kind == "f":
        columns = columns.astype(dtype)
    return [[str(cell) for cell in row] for row in columns]


def _csv(names: list[str], blocks: list[list[list[str]]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([cell for cells in row for cell in cells] for row in zip(*blocks, strict=True))
    return text.getvalue()
