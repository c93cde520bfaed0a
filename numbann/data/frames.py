"""Converts features given in Python to raw rows: an array, columns by name, a frame of any library, or rows by name."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from numbann.data.columns import column_from_array
from numbann.data.dates import dates_as_texts
from numbann.data.kinds import settle
from numbann.data.reading import Reading
from numbann.data.table import Raw, Table, of_known_kinds, table_from_columns
from numbann.data.wording import counted, nearest, quoted
from numbann.errors import DataError, ShapeError

TAKEN = "an array (N, features), columns or rows by name, or a frame"
READABLE = "biufSUO"  # booleans, numbers, texts, and Python objects that are one of these


def raw_from_python(given: Any, reading: Reading) -> Raw:
    """Return the raw rows of the features that a trained model takes."""
    return of_known_kinds(Raw(_table(given, reading.names or (), reading), {}, lambda row: f"row {row + 1}"), reading)


def _table(given: Any, names: tuple[str, ...], reading: Reading) -> Table:
    columns = _columns(given, names)
    if columns is None:
        matrix = _matrix(given, len(names), any(map(reading.is_text, names)))
        if matrix.dtype.kind in "iuf" and not any(map(reading.is_text, names)):
            return Table(names, matrix, {})
        columns = {name: matrix[:, position] for position, name in enumerate(names)}
    arrays = {name: plain(values) for name, values in columns.items()}
    check_columns(arrays)
    rows = len(next(iter(arrays.values())))
    return table_from_columns(
        {
            name: settle(column_from_array(exact(columns[name], array, name, reading)), name, reading)
            for name, array in arrays.items()
        },
        rows,
    )


def _columns(given: Any, names: Sequence[str]) -> dict[str, Any] | None:
    """Return these columns of a mapping, a frame, a row or rows with names; None for anything else."""
    if isinstance(given, list | tuple) and given and all(isinstance(row, Mapping) for row in given):
        return _columns_of_rows(given, names)
    refuse_lazy(given)
    given = with_names(given)
    keys = given if isinstance(given, Mapping) else getattr(given, "column_names", None)  # as Arrow calls them
    keys = getattr(given, "columns", None) if keys is None else keys
    if keys is None:
        return None
    known = {str(key).strip(): key for key in keys}
    for name in [name for name in known if name.startswith("Unnamed: ")]:
        known.setdefault("", known[name])  # pandas gives a column without a name such a one
    for name in names:
        if name not in known:
            raise DataError(f"no column {quoted(name)} is given{nearest(name, known) or '; add it'}")
    found = {name: given[known[name]] for name in names}
    is_row = all(isinstance(value, str) or not hasattr(value, "__len__") for value in found.values())
    return {name: [value] for name, value in found.items()} if is_row else found


def refuse_lazy(given: Any) -> None:
    """Refuse a frame that is still to be computed."""
    if hasattr(given, "collect") and not hasattr(given, "__len__"):
        raise DataError("a lazy frame has no rows yet; give what its collect() returns")


def with_names(frame: Any) -> Any:
    """Return a frame of pandas with texts as its names, each for one column; anything else as it is."""
    if not hasattr(frame, "set_axis") or not hasattr(frame, "columns"):
        return frame
    if frame.columns.nlevels > 1:
        raise DataError("the columns of the frame have names of several levels; give each one name")
    names = [str(name).strip() for name in frame.columns]
    for name, count in Counter(names).items():
        if count > 1:
            raise DataError(f"two columns of the frame are named {quoted(name)}; rename one")
    return frame.set_axis(names, axis=1)


def _columns_of_rows(rows: Sequence[Mapping[Any, Any]], names: Sequence[str]) -> dict[str, Any]:
    for number, row in enumerate(rows, 1):
        for name in names:
            if name not in row:
                raise DataError(f"row {number} has no {quoted(name)}{nearest(name, map(str, row)) or '; add it'}")
    return {name: [row[name] for row in rows] for name in names}


def _matrix(given: Any, width: int, mixed: bool) -> np.ndarray:
    """Return rows (N, width) as an array; further axes are flattened.  mixed: some columns are text."""
    array = plain(given, object if mixed and not isinstance(given, np.ndarray) else None)
    if array.ndim == 0:
        file = "; a file is read by model.evaluate and by the command numbann predict" * isinstance(given, str | Path)
        raise ShapeError(f"{quoted(given)} is no rows of features; give {TAKEN}{file}")
    flat = array.reshape(len(array), math.prod(array.shape[1:])) if array.ndim > 2 else array
    if flat.ndim != 2 or flat.shape[1] != width:
        raise ShapeError(f"the array has shape {array.shape}; rows of features are needed: (N, {width})")
    return flat


def plain(values: Any, dtype: type | None = None) -> np.ndarray:
    """Return values as an ordinary array, in which those that a mask hides are missing, and dates are ISO texts."""
    if isinstance(values, np.ma.MaskedArray) and values.mask.any():
        numbers, hidden = values.dtype.kind in "biuf", np.ma.getmaskarray(values)
        shown = values.data.astype(np.float64 if numbers else object)
        shown[hidden] = np.nan if numbers else None
        return shown
    if getattr(values, "chunks", None) and hasattr(values, "unify_dictionaries"):
        found = np.concatenate(
            [np.asarray(chunk) for chunk in values.chunks]
        )  # a dictionary as a whole loses its nulls
        return dates_as_texts(found)
    try:
        return dates_as_texts(np.asarray(values, dtype))
    except ValueError:
        raise ShapeError("the rows have different lengths; give each as many values") from None


def exact(values: Any, array: np.ndarray, name: str, reading: Reading) -> np.ndarray:
    """Return a column's array without loss, if its numbers are categories: a float tells identifiers apart up to 2^53.

    Whole numbers are floats in the array if some are missing.  DataError if they are floats in the column itself.
    """
    if array.dtype.kind != "f" or not reading.is_text(name):
        return array
    take = getattr(values, "to_pylist", None) or getattr(values, "to_list", None)  # as Arrow and Polars call it
    found = array if take is None else plain(take(), object)
    floats = array if take is None else np.array([one for one in found.flat if isinstance(one, float)])
    large = floats[np.isfinite(floats) & (np.abs(floats) >= 2.0 ** (np.finfo(array.dtype).nmant + 1))]
    if len(large):
        what = f"{large[0]:.0f} is a {array.dtype}, in which such numbers are rounded"
        raise DataError(f"column {quoted(name)}: {what}; give categories as whole numbers or as texts")
    return found


def check_columns(arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse columns of several dimensions, of different lengths, and of types that are neither numbers nor text."""
    for name, array in arrays.items():
        if array.ndim != 1:
            what = "is a single value; give a list of them" if array.ndim == 0 else f"has the shape {array.shape}"
            pair = "; arrays of features go as (x, y)" if array.ndim else ""
            raise ShapeError(f"column {quoted(name)} {what}{pair}")
    rows = {name: len(array) for name, array in arrays.items()}
    other = next((name for name in rows if rows[name] != next(iter(rows.values()))), None)
    if other is not None:
        first, count = next(iter(rows.items()))
        raise ShapeError(
            f"column {quoted(first)} has {counted(count, 'row')} but {quoted(other)} has {rows[other]}; "
            "columns must be as long as each other"
        )
    for name, array in arrays.items():
        if array.dtype.kind not in READABLE:
            raise DataError(f"column {quoted(name)} holds {array.dtype}; numbers, booleans or text are readable")


def _is_pandas(given: Any) -> bool:
    return type(given).__module__.partition(".")[0] == "pandas" and hasattr(given, "columns")


def like(given: Any, found: np.ndarray, names: Sequence[Any]) -> Any:
    """Return results (N,) or (N, names) with the index of a pandas frame; as they are for anything else."""
    if not _is_pandas(given):
        return found
    import pandas

    if found.ndim == 1:
        return pandas.Series(found, index=given.index, name=names[0])
    return pandas.DataFrame(found, index=given.index, columns=list(names))


def columns_like(given: Any, found: Mapping[str, np.ndarray]) -> Any:
    """Return columns (N,) by name as a frame of pandas with the index of another; as they are for anything else."""
    if not _is_pandas(given):
        return found
    import pandas

    return pandas.DataFrame(dict(found), index=given.index)
