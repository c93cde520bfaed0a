"""Converts arrays to raw rows; shared by the formats .npz, .npy and IDX."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from numbann.data.columns import Column, Texts, as_texts, column_from_array
from numbann.data.kinds import drop_missing, settle
from numbann.data.reading import Reading, choose_features
from numbann.data.stored import StoredArray
from numbann.data.table import Raw, Table, of_known_kinds
from numbann.data.wording import counted, quoted
from numbann.errors import DataError

Array = np.ndarray | StoredArray
KINDS = "biufSU"  # booleans, integers, floats, text


def raw_from_arrays(
    features: Mapping[str, Array],
    targets: Mapping[str, np.ndarray],
    reading: Reading,
    where: str,
    listed_features: bool = True,
    weight: Mapping[str, np.ndarray] | None = None,
) -> Raw:
    """Return the raw rows of arrays whose first axis is the row; further axes are flattened.

    weight: one array, or none.
    """
    arrays: dict[str, Array] = {**features, **targets, **(weight or {})}
    for name, array in arrays.items():
        _check(name, array, where, need_rows=bool(targets) or reading.names is None)
    _same_rows(arrays, where)
    columns = _columns(features)
    if len(columns) == 1:  # a single array is always named x, so that parts may have different formats
        columns = [(_number_names("x", columns[0][1]), columns[0][1])]
    table, found = _table(columns, reading, where, listed_features), _targets(targets, reading)
    weights = next((_weight(name, array, where) for name, array in (weight or {}).items()), None)
    raw = Raw(table, found, lambda row: f"{where} row {row + 1}", weight=weights)
    return of_known_kinds(raw, reading)


def _check(name: str, array: Array, where: str, need_rows: bool) -> None:
    if array.dtype.kind not in KINDS:
        raise DataError(f"{where}: array {quoted(name)} holds {array.dtype}; numbers, booleans or text are readable")
    if array.ndim == 0 or (array.size == 0 and (need_rows or len(array))):
        raise DataError(
            f"{where}: array {quoted(name)} of shape {array.shape} holds nothing; its first axis is the row"
        )


def _same_rows(arrays: Mapping[str, Array], where: str) -> None:
    (first, expected), *others = arrays.items()
    for name, array in others:
        if len(array) != len(expected):
            raise DataError(
                f"{where}: {quoted(first)} has {counted(len(expected), 'row')} but {quoted(name)} has {len(array)}; "
                "they must have as many"
            )


def _columns(arrays: Mapping[str, Array]) -> list[tuple[list[str], Any]]:
    """Pair column names with their (N, columns) array: an array of one column keeps its name, others are numbered."""
    flat = {name: array.reshape(len(array), prod(array.shape[1:])) for name, array in arrays.items()}
    return [([name] if array.shape[1] == 1 else _number_names(name, array), array) for name, array in flat.items()]


def _number_names(name: str, array: Array) -> list[str]:
    return [f"{name}[{position}]" for position in range(array.shape[1])]


def _table(columns: list[tuple[list[str], Any]], reading: Reading, where: str, listed_features: bool) -> Table:
    """Return the chosen columns.  A single array of numbers is not copied, since it may be in a file."""
    every = [name for names, _ in columns for name in names]
    features = choose_features(reading, every, listed_features, where)
    wanted = set(features)
    texts: dict[str, Texts] = {}
    matrices: list[Any] = []
    number_names: list[str] = []
    for names, array in columns:
        is_text = [reading.is_text(name) or array.dtype.kind in "SU" for name in names]
        whole = len(columns) == 1 and array.dtype.kind not in "SU"
        kept = [i for i, name in enumerate(names) if whole or (name in wanted and not is_text[i])]
        number_names += [names[i] for i in kept]
        matrices.append(array if whole else _numeric(array[:, kept]))
        for i in (i for i, name in enumerate(names) if name in wanted and is_text[i]):
            values = array.columns(slice(None), i) if isinstance(array, StoredArray) else array[:, i]
            column = settle(column_from_array(values), names[i], reading)
            if isinstance(column, Texts):
                texts[names[i]] = column
            else:
                number_names.append(names[i])
                matrices.append(column.values[:, None])
    numbers = (
        matrices[0] if len(matrices) == 1 else _concatenate([m for m in matrices if m.shape[1]], len(columns[0][1]))
    )
    return _reorder(Table(features, numbers, texts), number_names)


def _numeric(array: np.ndarray) -> np.ndarray:
    """Convert booleans, and text arrays of which no column is left, to float32."""
    return array.astype(np.float32) if array.dtype.kind in "bSU" else array


def _concatenate(matrices: list[np.ndarray], rows: int) -> np.ndarray:
    return np.concatenate(matrices, axis=1) if matrices else np.empty((rows, 0))


def _reorder(table: Table, number_names: list[str]) -> Table:
    """Put the columns in the order of the features, which may differ from that of the arrays."""
    if tuple(number_names) == table.number_names:
        return table
    position = {name: i for i, name in enumerate(number_names)}
    return replace(table, columns=np.array([position[name] for name in table.number_names], np.intp))


def _targets(arrays: Mapping[str, np.ndarray], reading: Reading) -> dict[str, Column]:
    """Return the target columns; those of an array listed in data.categorical become texts."""
    found: dict[str, Column] = {}
    for name, (names, array) in zip(arrays, _columns(arrays), strict=True):
        columns: Iterable[Column] = map(column_from_array, array.T)
        columns = map(as_texts, columns) if reading.is_text(name) else columns
        found |= zip(names, (drop_missing(one, reading.na) for one in columns), strict=True)
    return found


def _weight(name: str, array: np.ndarray, where: str) -> Column:
    """Return the column of weights: one number per row."""
    if array.size != len(array):
        raise DataError(
            f"{where}: array {quoted(name)} of shape {array.shape} is no column of weights; give one a row",
            key="data.weight",
        )
    return column_from_array(array.reshape(-1))
