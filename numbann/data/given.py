"""Rows given in Python to train on or to measure by: a table with names, or a pair (x, y) of features and target."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from numbann.data.arrays import raw_from_arrays
from numbann.data.cells import is_number
from numbann.data.columns import Column, Exact, Numbers, as_texts, column_from_array, text_of
from numbann.data.contract import GIVEN, PARTS, Format
from numbann.data.files import Files, InputFile
from numbann.data.frames import exact, plain
from numbann.data.named import ALLOWED, is_category, is_named, is_whole, named_columns, native
from numbann.data.reading import Reading, check_distinct, choose_columns
from numbann.data.table import Raw, raw_from_columns
from numbann.data.values import column_from_values
from numbann.data.wording import counted, listed, quoted
from numbann.errors import DataError, unknown_key

NAME = "data"
Columns = dict[str, Any]  # by name, as they are given


def is_given(source: Any) -> bool:
    """Tell whether a source is no file but the rows themselves."""
    inner = source.values() if isinstance(source, Mapping) else source if isinstance(source, list | tuple) else ()
    return not isinstance(source, str | Path) and not (inner and all(isinstance(one, str | Path) for one in inner))


def parts_of(given: Any) -> dict[str, Files]:
    """Return the sources of rows given in Python, by part; a single one is the training part's."""
    return {part: source_of(rows, NAME if rows is given else part) for part, rows in _by_part(given).items()}


def place_of_given(given: Any) -> dict[str, Any]:
    """Return what the `data` of a spec says of rows given in Python: their path, and the target of a pair."""
    parts = _by_part(given)
    pair = _pair_of(parts["train"])
    target = [*_targets(pair[1], ())] if pair else []
    path = GIVEN if parts["train"] is given else dict.fromkeys(parts, GIVEN)
    return {"path": path, **({"target": target[0] if len(target) == 1 else target} if target else {})}


def _by_part(given: Any) -> dict[str, Any]:
    """Return the rows of each part."""
    if not isinstance(given, Mapping) or _pair_of(given):
        return {"train": given}
    unknown = [key for key in given if key not in PARTS]
    if "train" in given and not unknown:
        return {part: given[part] for part in PARTS if part in given}
    if not any(map(_is_table, given.values())):
        return {"train": given}
    what = f"key {quoted(unknown[0])}: {unknown_key(str(unknown[0]), PARTS)}" if unknown else 'there is no "train"'
    raise DataError(f"{NAME}: {what}; give a table, or one for each part: train, and validation or test")


def _is_table(given: Any) -> bool:
    """Tell whether what stands under a key is a whole table and no column."""
    pair = isinstance(given, tuple) and len(given) == 2
    return is_named(given) or (pair and hasattr(given[0], "__len__") and not isinstance(given[0], str))


def source_of(given: Any, name: str = NAME) -> Files:
    """Return rows as a source, which is read as a file is."""

    def read(source: Files, reading: Reading, need_target: bool) -> Raw:
        return _read(given, name, reading, need_target)

    return Files(Format("auto", (), read), InputFile(name, Path(GIVEN), content=digest_of(given)))


def digest_of(given: Any) -> bytes:
    """Return a hash of rows given in Python, which is the same for the same table."""
    digest = hashlib.sha256()
    x, y = _split(given, ())
    for name, values in {**(x if isinstance(x, dict) else {"x": x}), **y}.items():
        array = plain(native(values))
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(
            repr(array.tolist()).encode() if array.dtype.kind in "OUS" else np.ascontiguousarray(array).tobytes()
        )
    return digest.digest()


def _read(given: Any, name: str, reading: Reading, need_target: bool) -> Raw:
    """Read the chosen columns; an array of features whole."""

    def place(row: int) -> str:
        return f"{name} row {row + 1}"

    x, y = _split(given, reading.targets or ())
    if reading.names is not None:
        x, y = _as_the_model_names(x, reading.names), _as_its_target(given, y, reading.targets or ())
        if need_target and isinstance(x, dict) and (lacking := {*(reading.targets or ())} - {*x, *y}) and not y:
            raise DataError(f"{name} has no column {quoted(min(lacking))}; give the target beside the rows: (X, y)")
    _check_rows(x, y, name, need_target)
    if isinstance(x, np.ndarray):
        raw = raw_from_arrays({"x": x}, {}, reading, name)
        if not need_target:
            return raw
        chosen = _chosen(y, reading, name)
        every = [*chosen, *(key for key in (reading.weight, *reading.apart) if key in y)]
        beside = {key: _column(y[key], key, place, reading) for key in every}
        keys = {key: beside[key] for key in reading.apart if key in beside}
        targets = {key: beside[key] for key in chosen}
        return replace(raw, targets=targets, weight=beside.get(reading.weight) if reading.weight else None, keys=keys)
    columns = {**x, **y}
    choice = choose_columns(reading, tuple(columns), name, need_target)
    return raw_from_columns(
        {key: _column(columns[key], key, place, reading) for key in choice.every}, choice, reading, name, place
    )


def _as_the_model_names(x: np.ndarray | Columns, names: tuple[str, ...]) -> np.ndarray | Columns:
    """Return x with the names of a model's features, where it is an array of as many columns."""
    columns = [*x.values()] if isinstance(x, dict) else x if x.ndim != 2 else x.T
    numbered = [f"x[{place}]" for place in range(len(names))]
    if len(columns) != len(names) or [*names] == numbered or (isinstance(x, dict) and [*x] != numbered):
        return x
    return dict(zip(names, columns, strict=True))


def _as_its_target(given: Any, y: Columns, targets: Sequence[str]) -> Columns:
    """Return a single y by the name of a model's only target, also where it is a Series of another name."""
    pair = _pair_of(given)
    if pair is None or is_named(pair[1]) or len(y) != 1 or len(targets) != 1:
        return y
    return {targets[0]: next(iter(y.values()))}


def _split(given: Any, targets: Sequence[str]) -> tuple[np.ndarray | Columns, Columns]:
    """Return x, an array of numbers or every column by name, and the columns of y beside it.

    targets: the spec's, which y is named after where it has no name.
    """
    pair = _pair_of(given)
    if pair is None:
        matrix = isinstance(given, np.ndarray) and given.ndim == 2
        return (_features(given) if matrix else _named(given)), {}
    x, y = pair
    return _named(x) if is_named(x) else _features(x), _targets(y, targets)


def _pair_of(given: Any) -> tuple[Any, Any] | None:
    """Return x and y if rows are given so, as (x, y) or by these names; y may be None."""
    if isinstance(given, tuple) and len(given) == 2:
        return None if all(isinstance(row, Mapping) and _is_row(row) for row in given) else given
    if not isinstance(given, Mapping) or "x" not in given or not set(given) <= {"x", "y"}:
        return None
    x = given["x"]
    return (x, given.get("y")) if is_named(x) or plain(x).ndim > 1 else None


def _is_row(given: Mapping[Any, Any]) -> bool:
    """Tell whether a mapping is one row, and not columns."""
    return not any(hasattr(value, "__len__") and not isinstance(value, str) for value in given.values())


def _named(given: Any) -> Columns:
    found = named_columns(given)
    names = check_distinct((str(key).strip() for key in found), InputFile(NAME, Path(GIVEN)))
    return dict(zip(names, found.values(), strict=True))


def _features(x: Any) -> np.ndarray | Columns:
    """Return an array of numbers as it is, one of texts or of anything as columns by number."""
    array = _array(x)
    if array.ndim == 0:
        raise DataError(f"{NAME}: {type(x).__name__} is no array of features; give {ALLOWED}")
    if array.dtype.kind not in "OUS":
        return array
    return {f"x[{place}]": column for place, column in enumerate(_columns_of(array))}


def _array(values: Any) -> np.ndarray:
    """Return values as an array, without making texts of the numbers beside them as NumPy does."""
    array = plain(values)
    return plain(values, object) if array.dtype.kind in "US" and not isinstance(values, np.ndarray) else array


def _columns_of(array: np.ndarray) -> np.ndarray:
    """Return the columns (C, N) of rows, of which further axes are flattened."""
    return array.reshape(len(array), prod(array.shape[1:])).T


def _targets(y: Any, names: Sequence[str]) -> Columns:
    """Return the columns of y by their own names, else by these, else as y or y[0], y[1], ..."""
    if y is None:
        return {}
    if is_named(y):
        return _named(y)
    array = _array(y)
    if array.ndim == 0:
        raise DataError(f"{NAME}: {type(y).__name__} is no target beside x; give one value a row")
    columns = _columns_of(array)
    own = getattr(y, "name", None)
    own = [] if own in (None, "") else [str(own).strip()]
    usual = ["y"] if len(columns) == 1 else [f"y[{place}]" for place in range(len(columns))]
    named = next(found for found in (own, names, usual) if len(found) == len(columns))
    return dict(zip(named, columns, strict=True))


def _check_rows(x: np.ndarray | Columns, y: Columns, name: str, need_rows: bool) -> None:
    """Refuse a column of x and y, y of another length than x, and no rows where some are needed."""
    both = sorted(set(y) & set(x)) if isinstance(x, dict) else []
    if both:
        raise DataError(f"{name}: column {quoted(both[0])} is in x and in y; leave it out of x")
    first = next(iter(x.values()), ()) if isinstance(x, dict) else x
    if need_rows and not len(first):
        what = "columns but no rows; add rows" if len(x) else f"no columns; give {ALLOWED}"
        raise DataError(f"{name} has {what}")
    for key, values in y.items():
        if len(values) != len(first):
            what = f"x has {counted(len(first), 'row')} but {quoted(key)} has {len(values)}"
            raise DataError(f"{name}: {what}; they must have as many")


def _chosen(y: Columns, reading: Reading, name: str) -> Columns:
    """Return the targets among the columns of y."""
    wanted = reading.targets or tuple(key for key in y if key not in (reading.weight, *reading.apart))
    if not y:
        raise DataError(f"{name} has no y beside x; give (x, y), with the target", key=reading.key("data.target"))
    for target in wanted:
        if target not in y:
            what = f"{name} has no target {quoted(target)}; y is named {listed([*y])}"
            raise DataError(what, key=reading.key("data.target"))
    return {target: y[target] for target in wanted}


def _column(values: Any, name: str, place: Any, reading: Reading) -> Column:
    """Convert one column; numbers that are categories become texts."""
    own = values.to_list() if is_whole(values) and reading.is_text(name) else native(values)
    array = plain(own, object if isinstance(own, list) else None)
    array = exact(values, array, name, reading)
    if array.dtype.kind in "OUS":
        if not reading.is_decided(name):
            _refuse_outer_blanks(array.tolist(), name, reading.na)
            array = _with_codes(array) if is_category(values) and _is_feature(name, reading) else array
        return column_from_values(array.tolist(), name, place, reading)
    if array.dtype.kind not in "biuf":
        what = f"{NAME}, column {quoted(name)} holds {array.dtype}; numbers, booleans, text and dates are readable"
        raise DataError(f"{what}; leave it out (data.drop)", key="data.drop")
    column = column_from_array(array)
    if isinstance(column, Numbers) and is_whole(values):
        column = Numbers(column.values, whole=True)
    return as_texts(column) if reading.is_text(name) else column


def _is_feature(name: str, reading: Reading) -> bool:
    """Tell whether a column is an input, and the spec makes no numbers of it."""
    return name not in (*(reading.targets or ()), reading.weight, *reading.apart, *reading.numeric)


def _with_codes(cells: np.ndarray) -> np.ndarray:
    """Return the cells (N,) of a column of categories with numbers as texts, which are codes."""
    texts = (None if isinstance(cell, bool) else text_of(cell) for cell in cells)
    found = (Exact(text) if text and is_number(text) else cell for cell, text in zip(cells, texts, strict=True))
    return np.array([*found], object)


def _refuse_outer_blanks(cells: Iterable[Any], name: str, na: Sequence[str]) -> None:
    """Refuse texts that differ in outer blanks alone, which would become one."""
    known: dict[str, str] = {}
    texts = (str(cell) for cell in cells if isinstance(cell, str) and not isinstance(cell, Exact))
    for text in dict.fromkeys(texts):
        other = known.setdefault(text.strip(), text)
        if other != text and text.strip() not in na:
            what = f"{quoted(other)} and {quoted(text)} differ in outer blanks alone, which are left out"
            raise DataError(f"{NAME}, column {quoted(name)}: {what}; strip them, or write them differently")
