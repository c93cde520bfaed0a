"""Reads new data and writes predictions in several formats, for the commands that use a trained model."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np

from numbann.data.preprocessing import NewData
from numbann.data.streaming import Inputs
from numbann.model.columns import Columns, as_csv, as_rows, predicted
from numbann.model.model import Model
from numbann.model.outputs import outcome_of
from numbann.spec.read import parse
from numbann.spec.source import is_spec
from numbann.training.rundir import json_text, write_atomically
from numbann_cli.signals import terminable

OTHERS = (".gz", ".xlsx", ".json")  # endings of further formats that are not written


def source_of(data: str) -> Any:
    """Return what DATA names: a file, or the files of a JSON object such as {"images": F, "labels": F}."""
    if data.lstrip().startswith("{"):
        return parse(data, "DATA")[0]
    if is_spec(Path(data)):
        raise click.UsageError(f"{data}: is a spec, not data; name a file of data, such as the one of its data.path")
    return data


def read(model: Model, data: Any, *, need_target: bool) -> NewData:
    """Read and preprocess the rows of new data, with targets and weights if needed; warnings go to stderr."""
    found = model.read(data, need_target)
    for warning in found.warnings:
        click.echo(f"numbann: warning: {warning}", err=True)
    return found


def predict(model: Model, x: Inputs, probabilities: bool, outputs: bool = False) -> Columns:
    """Return predictions as columns: `prediction`, or `prediction_NAME` for several targets.

    probabilities: with p_CLASS.  outputs: with everything that the outputs give.
    """
    found, task = outcome_of(model.resolved, model.outputs(x)), model.preprocessing.task
    return predicted(task, found, model.plan.dtype, probabilities=probabilities, outputs=outputs)


def join(kept: Mapping[str, np.ndarray], predictions: Columns) -> Columns:
    """Return columns of the data before those that are predicted."""
    for name in predictions.keys() & kept.keys():
        raise click.UsageError(f'--keep: "{name}" is a column of the data and of the predictions; leave it out')
    return {**kept, **predictions}


def as_json(columns: Columns) -> str:
    """Return columns as JSON: a list with an object for each row, on a line of its own."""
    return "[" + ",\n ".join(map(json_text, as_rows(columns))) + "]\n"


def as_json_lines(columns: Columns) -> str:
    """Return columns as JSON lines: an object for each row."""
    return "".join(f"{json_text(row)}\n" for row in as_rows(columns))


def as_parquet(columns: Columns) -> bytes:
    """Return columns as a Parquet file."""
    from pyarrow.parquet import write_table

    return _of_arrow(write_table, columns)


def as_feather(columns: Columns) -> bytes:
    """Return columns as a Feather file."""
    from pyarrow.feather import write_feather

    return _of_arrow(write_feather, columns)


def _of_arrow(write: Callable[..., None], columns: Columns) -> bytes:
    from pyarrow import table

    content = io.BytesIO()
    write(table({name: one if one.dtype.kind in "biuf" else one.tolist() for name, one in columns.items()}), content)
    return content.getvalue()


WRITERS: dict[str, Callable[[Columns], str | bytes]] = {  # by the ending of the file
    ".csv": as_csv,
    ".jsonl": as_json_lines,
    ".parquet": as_parquet,
    ".feather": as_feather,
}


def writer_for(output: Path | None, json: bool | None = None) -> Callable[[Columns], str | bytes]:
    """Return what writes the format that the ending of a file asks for, or JSON; CSV for any other ending.

    json: whether JSON is asked for; None where it cannot be.
    """
    from numbann.data.readers import FORMATS

    writers = {".json": as_json} if json else WRITERS
    default = as_json if json else as_csv
    if output is None:
        return default
    ending, endings = output.suffix.lower(), ", ".join(writers)
    if output.is_dir():
        raise click.UsageError(f"-o {output}: is a directory; name a file that ends in {endings}")
    if ending in {".parquet", ".feather"} & writers.keys() and find_spec("pyarrow") is None:
        raise click.UsageError(
            f'-o {output}: {ending} needs pyarrow, which is not installed: pip install "numbann[data]"'
        )
    known = {ending for format in FORMATS.values() for ending in format.endings}
    if ending in {*known, *OTHERS} - writers.keys():
        asked = ", or give --json" if json is False else ""
        raise click.UsageError(
            f"-o {output}: predictions are not written in this format; name a file that ends in {endings}{asked}"
        )
    return writers.get(ending, default)


def write(output: Path, content: str | bytes) -> None:
    """Write a file of predictions."""
    try:
        with terminable():
            write_atomically(output, content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise click.UsageError(f"-o {output}: cannot be written: {error.strerror}") from None
