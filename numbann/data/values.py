"""Builds a column from Python values: numbers, booleans or texts, of one kind in a column, or a fault with its row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from numbann.data.columns import Column, Exact, Numbers, text_of, texts_from
from numbann.data.dates import Moment
from numbann.data.reading import Reading
from numbann.data.wording import quoted
from numbann.errors import DataError

KINDS = {bool: "boolean", int: "number", float: "number", str: "text", bytes: "text", Moment: "text", Exact: "text"}


def column_from_values(cells: Sequence[Any], name: str, place: Callable[[int], str], reading: Reading) -> Column:
    """Return the column; None, NaN and the texts of csv.na are missing.

    place: returns where a row stands.  DataError for a cell that is of another kind than the first one.
    """
    cells = [None if text_of(cell) is None or _is_mark(cell, reading) else _plain(cell) for cell in cells]
    as_text = reading.is_text(name)
    first = next((KINDS.get(type(cell)) for cell in cells if cell is not None), "number")
    for row, cell in enumerate(cells):
        kind = KINDS.get(type(cell))
        if cell is not None and (kind is None or (kind != first and not as_text)):
            what = f"{quoted(cell)} is no {first}; correct the cell, or name the column in data.categorical"
            if not kind:
                what = f"{quoted(cell)} ({type(cell).__name__}) is no number, boolean, text or date"
                what += "; convert the column, or leave it out (data.drop)"
            raise DataError(f"{place(row)}, column {quoted(name)}: {what}")
    if as_text or first == "text":
        return texts_from(cells)
    if first == "boolean" and None not in cells:
        return Numbers(np.array(cells, bool), whole=False)
    whole = first == "number" and all(cell is None or type(cell) is int for cell in cells)
    try:
        return Numbers(np.array([np.nan if cell is None else cell for cell in cells], np.float64), whole)
    except OverflowError:
        row = next(row for row, cell in enumerate(cells) if cell is not None and abs(cell) >= 2**1024)
        raise DataError(f"{place(row)}, column {quoted(name)}: too large a number; correct the cell") from None


def _plain(cell: Any) -> Any:
    """Return a number of NumPy, or a decimal one, as Python's own."""
    return cell.item() if isinstance(cell, np.generic) else float(cell) if isinstance(cell, Decimal) else cell


def _is_mark(cell: Any, reading: Reading) -> bool:
    return isinstance(cell, str) and not isinstance(cell, Exact) and cell.strip() in reading.na
