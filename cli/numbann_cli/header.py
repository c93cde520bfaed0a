"""The column names of a table, read for `check` alone: with the csv module, the first row only, and no numpy.

Whatever it cannot judge by names, such as arrays, a table without a header or a damaged file, is left to training.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DELIMITERS = ",;\t|"
LONGEST = 1_000_000  # characters of a header
SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


def unknown_columns(loaded: Any) -> Iterator[Any]:
    """A fault for each column that the spec names and its table lacks."""
    from numbann.errors import Fault
    from numbann.spec.faults import did_you_mean
    from numbann.spec.trail import shown

    columns = _columns(loaded)
    if not columns:
        return
    for key, name in _named(loaded.spec.data):
        if name not in columns:
            message = f"there is no column {shown(name)}{did_you_mean(name, columns)} (columns: {', '.join(columns)})"
            yield Fault(key, message, loaded.source.line(key))


def _named(data: Any) -> Iterator[tuple[str, str]]:
    """Each column that the spec names, and the key that names it."""
    for key in ("target", "features", "drop", "categorical", "weight"):
        value = getattr(data, key) or []
        yield from ((f"data.{key}", name) for name in ([value] if isinstance(value, str) else value))


def _columns(loaded: Any) -> list[str]:
    """The names in the first row of the training table; none if it has none that could be told."""
    data = loaded.spec.data
    source = data.path.get("train") if isinstance(data.path, dict) else data.path
    if data.csv.header is not True or not isinstance(source, str) or not source.endswith(SUFFIXES):
        return []
    try:
        line = _first_line(loaded.source.base / source)
    except (OSError, EOFError, UnicodeDecodeError):
        return []
    given = data.csv.delimiter
    names = [_cells(line, delimiter) for delimiter in (DELIMITERS if given == "auto" else given)]
    return max(names, key=len)


def _first_line(path: Path) -> str:
    opened: Any = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        line: str = file.readline(LONGEST)
    return line


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=delimiter, strict=True), [])]
    except csv.Error:
        return []
