"""Converts features given in Python to raw rows: an array, a mapping of columns, or a frame with `.columns`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

import numpy as np

from numbann.data.cells import is_infinite, is_number
from numbann.data.columns import Column, Numbers, Texts, texts_from
from numbann.data.table import Raw, Table, table_from_columns
from numbann.data.wording import nearest, quoted
from numbann.errors import DataError, ShapeError


def raw_from_python(given: Any, features: Sequence[str], texts: Sequence[str]) -> Raw:
    """Return the raw rows of the features.  texts: the names of those that are categories."""
    if isinstance(given, Mapping) or hasattr(given, "columns"):
        table = _table_of_columns({name: _column_of(given, name) for name in features}, texts)
    else:
        table = _table_of_array(given, tuple(features), texts)
    return Raw(table, {}, lambda row: f"row {row + 1}")


def _column_of(given: Any, name: str) -> np.ndarray:
    known = list(given.keys() if isinstance(given, Mapping) else given.columns)
    if name not in known:
        raise DataError(f"no column {quoted(name)} is given{nearest(name, map(str, known)) or '; add it'}")
    return np.asarray(given[name])


def _table_of_columns(arrays: dict[str, np.ndarray], texts: Sequence[str]) -> Table:
    lengths = {name: array.shape for name, array in arrays.items()}
    if len(set(lengths.values())) > 1 or any(len(shape) != 1 for shape in lengths.values()):
        raise ShapeError(f"columns must have one dimension and be as long as each other: {lengths}")
    rows = len(next(iter(arrays.values())))
    return table_from_columns({name: _column(array, name, name in texts) for name, array in arrays.items()}, rows)


def _table_of_array(given: Any, features: tuple[str, ...], texts: Sequence[str]) -> Table:
    array = given if isinstance(given, np.ndarray) else np.array(given, dtype=object if texts else None)
    array = array.reshape(len(array), -1) if array.ndim > 2 else array
    if array.ndim != 2 or array.shape[1] != len(features):
        raise ShapeError(f"the array has shape {array.shape}; rows of features are needed: (N, {len(features)})")
    if texts or array.dtype.kind not in "iuf":
        return _table_of_columns({name: array[:, i] for i, name in enumerate(features)}, texts)
    return Table(features, _require_finite(array, "the array"), {})


def _column(array: np.ndarray, name: str, as_text: bool) -> Column:
    if as_text:
        return texts_from(array.tolist())
    if array.dtype.kind in "biuf":
        return Numbers(_require_finite(array, f"column {quoted(name)}"), whole=False)
    return Numbers(_parse_numbers(texts_from(array.tolist()), name), whole=False)


def _parse_numbers(column: Texts, name: str) -> np.ndarray:
    """Convert numbers given as Python objects or text to float64."""
    for text in column.values:
        if not is_number(text) or is_infinite(text):
            raise DataError(f"column {quoted(name)}: {quoted(text)} is no number; numbers are needed there")
    return np.array([*map(float, column.values), nan])[column.codes]


def _require_finite(array: np.ndarray, what: str) -> np.ndarray:
    if array.dtype.kind == "f" and np.isinf(array).any():
        raise DataError(f"{what} holds an infinite number; correct it")
    return array
