"""Rows given in Python to train on or to measure by: a frame, columns by name, rows by name, or arrays (x, y)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from numbann.data.arrays import raw_from_arrays
from numbann.data.columns import Column, Numbers, column_from_array
from numbann.data.contract import GIVEN, PARTS, Format
from numbann.data.files import Files, InputFile
from numbann.data.frames import check_columns, plain, with_names
from numbann.data.reading import Reading, check_distinct, choose_columns
from numbann.data.table import Raw, raw_from_columns
from numbann.data.values import column_from_values
from numbann.errors import DataError

NAME = "data"
ALLOWED = "a frame of pandas, Polars or Arrow, columns or rows by name, or arrays (x, y)"


def is_given(source: Any) -> bool:
    """Tell whether a source is no file but the rows themselves."""
    inner = source.values() if isinstance(source, Mapping) else source if isinstance(source, list | tuple) else ()
    return not isinstance(source, str | Path) and not (inner and all(isinstance(one, str | Path) for one in inner))


def parts_of(given: Any) -> dict[str, Files]:
    """Return the sources of rows given in Python, by part; a single one is the training part's."""
    if isinstance(given, Mapping) and "train" in given and set(given) <= set(PARTS):
        return {part: source_of(given[part], part) for part in PARTS if part in given}
    return {"train": source_of(given)}


def path_of(given: Any) -> Any:
    """Return what stands for the path in the spec."""
    parts = parts_of(given)
    return GIVEN if list(parts) == ["train"] else dict.fromkeys(parts, GIVEN)


def source_of(given: Any, name: str = NAME) -> Files:
    """Return rows as a source, which is read as a file is."""

    def read(source: Files, reading: Reading, need_target: bool) -> Raw:
        return _read(given, name, reading, need_target)

    return Files(Format("auto", (), read), InputFile(name, Path(GIVEN), content=digest_of(given)))


def digest_of(given: Any) -> bytes:
    """Return a hash of rows given in Python, which is the same for the same table."""
    digest = hashlib.sha256()
    for name, values in _columns(given).items():
        array = plain(_native(values))
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(
            repr(array.tolist()).encode() if array.dtype.kind in "OUS" else np.ascontiguousarray(array).tobytes()
        )
    return digest.digest()


def _read(given: Any, name: str, reading: Reading, need_target: bool) -> Raw:
    """Read the chosen columns, or arrays whole."""

    def place(row: int) -> str:
        return f"{name} row {row + 1}"

    columns = _columns(given)
    if _are_arrays(given):
        target = {"y": columns["y"]} if "y" in columns and need_target else {}
        return raw_from_arrays({"x": columns["x"]}, target, reading, name)
    found = {str(key).strip(): values for key, values in columns.items()}
    check_distinct([str(key).strip() for key in columns], InputFile(name, Path(GIVEN)))
    chosen = choose_columns(reading, tuple(found), name, need_target)
    if not len(next(iter(found.values()))):
        raise DataError(f"{name} has columns but no rows; add rows", key="data.path")
    return raw_from_columns(
        {key: _column(found[key], key, place, reading) for key in chosen.every}, chosen, reading, name, place
    )


def _are_arrays(given: Any) -> bool:
    """Tell whether rows are given as arrays x (N, ...) and y."""
    pair = isinstance(given, tuple) and len(given) == 2
    return pair or (isinstance(given, Mapping) and set(given) <= {"x", "y"} and np.ndim(given.get("x", ())) > 1)


def _columns(given: Any) -> dict[Any, Any]:
    """Return every column by its name; arrays as x and y."""
    if isinstance(given, tuple) and len(given) == 2:
        return {"x": plain(given[0]), "y": plain(given[1])}
    if _are_arrays(given):
        return {name: plain(array) for name, array in given.items()}
    if isinstance(given, Mapping):
        check_columns({name: plain(values) for name, values in given.items()})
        return dict(given)
    if isinstance(given, Sequence) and given and all(isinstance(row, Mapping) for row in given):
        names = dict.fromkeys(name for row in given for name in row)
        return {name: [row.get(name) for row in given] for name in names}
    return _frame_columns(given)


def _frame_columns(given: Any) -> dict[str, Any]:
    """Return the columns of a frame, as narwhals knows them."""
    try:
        import narwhals
    except ImportError:
        raise DataError('frames need narwhals, which is not installed: pip install "numbann[data]"') from None
    try:
        frame = narwhals.from_native(with_names(given), eager_only=True)
    except TypeError:
        raise DataError(f"{type(given).__name__} is no rows to train on; give {ALLOWED}", key="data.path") from None
    return {name: frame[name] for name in frame.columns}


def _native(values: Any) -> Any:
    """Return a column of a frame as its values: an array, or a list of texts."""
    if not hasattr(values, "to_native"):
        return values
    if values.dtype.is_numeric() or values.dtype == _types().Boolean:
        missing = values.null_count() > 0
        return (values.cast(_types().Float64) if missing else values).to_numpy()
    if values.dtype in (_types().Categorical, _types().Enum):
        return values.cast(_types().String).to_list()
    return values.to_list()


def _types() -> Any:
    import narwhals

    return narwhals


def _column(values: Any, name: str, place: Any, reading: Reading) -> Column:
    """Convert one column; numbers that are categories become texts where the rows are settled."""
    native = _native(values)
    array = plain(native, object if isinstance(native, list) else None)
    if array.dtype.kind in "OUS":
        return column_from_values(array.tolist(), name, place, reading)
    if array.dtype.kind not in "biuf":
        what = f'{NAME}, column "{name}" holds {array.dtype}; numbers, booleans, text and dates are readable'
        raise DataError(f"{what}; leave it out (data.drop)", key="data.drop")
    column = column_from_array(array)
    if getattr(values, "dtype", None) is not None and hasattr(values, "to_native") and values.dtype.is_integer():
        return Numbers(column.values, whole=True) if isinstance(column, Numbers) else column
    return column
