"""Columns by name of a table given in Python: a frame of any library, a mapping, or rows by name."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from pathlib import Path
from typing import Any

from numbann.data.frames import check_columns, plain, refuse_lazy, with_names
from numbann.errors import DataError

ALLOWED = "a frame of pandas, Polars or Arrow, columns or rows by name, or a pair (x, y)"


def is_named(given: Any) -> bool:
    """Tell whether rows have columns with names."""
    refuse_lazy(given)
    return isinstance(given, Mapping) or _are_rows(given) or any(hasattr(given, key) for key in ("columns", "schema"))


def named_columns(given: Any) -> dict[Any, Any]:
    """Return every column by its name; a frame's as narwhals knows them."""
    refuse_lazy(given)
    if isinstance(given, Mapping):
        check_columns({name: plain(values) for name, values in given.items()})
        return dict(given)
    if _are_rows(given):
        names = dict.fromkeys(name for row in given for name in row)
        return {name: [row.get(name) for row in given] for name in names}
    try:
        import narwhals
    except ImportError:
        raise DataError('frames need narwhals, which is not installed: pip install "numbann[data]"') from None
    try:
        frame = narwhals.from_native(with_names(given), eager_only=True)
    except TypeError:
        hint = "; a file is named in the spec (data.path)" * isinstance(given, str | Path)
        raise DataError(f"data: {type(given).__name__} is no rows to train on; give {ALLOWED}{hint}") from None
    return {name: frame[name] for name in frame.columns}


def _are_rows(given: Any) -> bool:
    return isinstance(given, list | tuple) and bool(given) and all(isinstance(row, Mapping) for row in given)


def native(values: Any) -> Any:
    """Return a column of a frame as its values: an array, or a list of texts; any other column as it is."""
    if not hasattr(values, "to_native"):
        return values
    import narwhals

    if values.dtype.is_integer() and values.null_count():  # Arrow refuses to cast what a float rounds
        numbers = native(values.fill_null(0)).astype(float)
        numbers[values.is_null().to_numpy()] = nan
        return numbers
    if values.dtype.is_numeric() or values.dtype == narwhals.Boolean:
        wide = values.dtype in (narwhals.Int128, narwhals.UInt128)  # which NumPy does not have
        return (values.cast(narwhals.Float64) if wide or values.null_count() else values).to_numpy()
    return values.to_list()  # of a categorical column its values, of which numbers may be codes


def is_category(values: Any) -> bool:
    """Tell whether a column of a frame says that it holds categories; Arrow's dictionaries are for room alone."""
    if not hasattr(values, "to_native"):
        return False
    import narwhals

    return values.dtype in (narwhals.Categorical, narwhals.Enum) and not values.implementation.is_pyarrow()


def is_whole(values: Any) -> bool:
    """Tell whether a column of a frame is of whole numbers, of which some may be missing."""
    return hasattr(values, "to_native") and values.dtype.is_integer()
