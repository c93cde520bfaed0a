"""Rows of JSON as a source that a model reads: a single row, or a table in one of MLflow's formats.

https://mlflow.org/docs/latest/genai/serving/ (2025) has the formats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from numbann.data.contract import Format
from numbann.data.files import Files, InputFile
from numbann.data.readers import jsonl
from numbann.data.reading import ChosenColumns, Reading
from numbann.data.table import Raw, raw_from_columns
from numbann.data.values import column_from_values
from numbann.data.wording import counted, nearest, quoted
from numbann.errors import DataError

FORMS = ("inputs", "instances", "dataframe_split", "dataframe_records")
TABLE = "rows ([[...], ...]), objects ([{...}, ...]) or columns ({NAME: [...], ...})"
Cells = dict[str, list[Any]]  # by the name of the column


def parse(text: bytes) -> Any:
    """Parse strict JSON in UTF-8; DataError for anything else."""
    try:
        return jsonl.load(text.decode())
    except RecursionError:
        raise DataError("no JSON that can be read: it is nested too deeply") from None
    except ValueError as error:
        raise DataError(f"no JSON: {error}") from None


def rows_of(request: Any, features: Sequence[str]) -> Any:
    """Return the rows of a request, an object with one of FORMS: an array of numbers (N, features), or columns."""
    if not isinstance(request, Mapping) or len(found := [form for form in FORMS if form in request]) != 1:
        raise DataError(f"a request is an object with one of the keys {', '.join(map(quoted, FORMS))}")
    (form,) = found
    return _split(request[form], features) if form == "dataframe_split" else table_of(request[form], features, form)


def table_of(given: Any, features: Sequence[str], form: str = "inputs") -> Any:
    """Return a table: an array of numbers, if it is one, else the cells of each feature."""
    if isinstance(given, Mapping):
        return _of_columns(given, features, form)
    if not isinstance(given, list):
        raise DataError(f"{form}: {quoted(given)} is no table; give {TABLE}")
    if given and all(isinstance(row, dict) for row in given):
        return _of_records(given, features)
    matrix = _matrix(given, len(features))
    return _of_rows(given, features, features) if matrix is None else matrix


def source_of(cells: Cells) -> Files:
    """Return the cells of every feature as a source that a model reads."""

    def read(_: Files, reading: Reading, __: bool) -> Raw:
        columns = {name: column_from_values(values, name, _place, reading) for name, values in cells.items()}
        return raw_from_columns(columns, ChosenColumns(tuple(cells), (), ()), reading, "the request", _place)

    return Files(Format("json", (), read), InputFile("the request", Path("-"), content=b""))


def _place(row: int) -> str:
    return f"row {row + 1}"


def _matrix(rows: list[Any], width: int) -> np.ndarray | None:
    """Return rows of numbers (N, width), of which further axes are flattened; None if they are none."""
    try:
        array = np.array(rows, object)  # an array of texts would give each cell the room of the longest one
        if array.ndim < 2 or array.size != len(rows) * width or not set(map(type, array.flat)) <= {int, float}:
            return None
        return array.reshape(len(rows), width).astype(np.float64)
    except (ValueError, OverflowError):  # of different lengths, or too large
        return None


def _of_rows(rows: list[Any], names: Sequence[str], features: Sequence[str]) -> Cells:
    """Return the cells of rows that are lists."""
    for number, row in enumerate(rows, 1):
        if not isinstance(row, list):
            raise DataError(f"row {number}: {quoted(row)} is no list of cells; give {TABLE}")
        if len(row) != len(names):
            raise DataError(
                f"row {number} has {counted(len(row), 'cell')}, but there are {counted(len(names), 'column')}"
            )
    return _chosen(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}, features, rows)


def _of_records(rows: list[dict[str, Any]], features: Sequence[str]) -> Cells:
    """Return the cells of rows that are objects."""
    for number, row in enumerate(rows, 1):
        for name in features:
            if name not in row:
                hint = nearest(name, row) or "; write null where it is missing"
                raise DataError(f"row {number} has no {quoted(name)}{hint}")
    return {name: [row[name] for row in rows] for name in features}


def _of_columns(given: Mapping[str, Any], features: Sequence[str], form: str) -> Cells:
    """Return the cells of columns by name."""
    lengths = {}
    for name, values in given.items():
        if not isinstance(values, list):
            raise DataError(f"{form}, column {quoted(name)}: {quoted(values)} is no list; give a cell for each row")
        lengths[name] = len(values)
        first, count = next(iter(lengths.items()))
        if lengths[name] != count:
            what = f"column {quoted(name)} has {counted(lengths[name], 'cell')}"
            raise DataError(f"{what}, but {quoted(first)} has {count}; they must have as many")
    return _chosen(given, features, None)


def _split(given: Any, features: Sequence[str]) -> Cells:
    """Return the cells of {"columns": [...], "data": [[...], ...]}, as pandas writes a frame."""
    names, rows = (given.get("columns"), given.get("data")) if isinstance(given, Mapping) else (None, None)
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names) or not isinstance(rows, list):
        raise DataError('dataframe_split: give {"columns": [NAME, ...], "data": [[...], ...]}')
    names = [name.strip() for name in names]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"dataframe_split: two columns are named {quoted(name)}; rename one")
    return _of_rows(rows, names, features)


def _chosen(cells: Mapping[str, list[Any]], features: Sequence[str], rows: list[Any] | None) -> Cells:
    """Return the cells of the features, every one of which must be there, unless there are no rows."""
    if rows == [] and not cells:
        return {name: [] for name in features}
    for name in features:
        if name not in cells:
            raise DataError(f"there is no column {quoted(name)}{nearest(name, cells) or '; add it'}")
    return {name: cells[name] for name in features}
