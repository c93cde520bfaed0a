"""The format of JSON lines: an object a line, whose keys name the columns; null, or no key, is a missing cell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from numbann.data.contract import Format
from numbann.data.wording import quoted

if TYPE_CHECKING:
    from numbann.data.files import Files, InputFile
    from numbann.data.reading import Reading
    from numbann.data.table import Raw

FIRST_ROWS = 1000  # that name the columns


def header(file: InputFile, reading: Reading) -> tuple[str, ...]:
    """Return the keys of the first rows."""
    return _names(_first_rows(file), file)


def _first_rows(file: InputFile) -> list[dict[str, Any]]:
    return [row for _, row in islice(_rows(file), FIRST_ROWS)]


def _names(rows: list[dict[str, Any]], file: InputFile) -> tuple[str, ...]:
    """Return the keys of rows, in order."""
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    if not names:
        raise file.fault(" has no rows; write an object a line")
    return names


def read(source: Files, reading: Reading, need_target: bool) -> Raw:
    """Read the chosen columns."""
    from numbann.data.arrow_lines import read_columns
    from numbann.data.reading import choose_columns
    from numbann.data.table import raw_from_columns
    from numbann.data.values import column_from_values

    file = source.data
    first = _first_rows(file)
    names = _names(first, file)
    chosen = choose_columns(reading, names, file.name, need_target)
    if (quick := read_columns(file, first, names, chosen, reading)) is not None:
        return raw_from_columns(quick, chosen, reading, file.name, lambda row: f"{file.name} row {row + 1}")
    cells: dict[str, list[Any]] = {name: [] for name in chosen.every}
    known, lines = set(names), []
    for line, row in _rows(file):
        lines.append(line)
        if not known.issuperset(row):
            new = quoted(next(name for name in row if name not in known))
            raise file.fault(
                f" row {line}: the first {FIRST_ROWS} rows have no {new}; write null for it in one of them"
            )
        for name, values in cells.items():
            values.append(row.get(name))

    def place(row: int) -> str:
        return f"{file.name} row {lines[row]}"

    columns = {name: column_from_values(cells.pop(name), name, place, reading) for name in [*cells]}
    return raw_from_columns(columns, chosen, reading, file.name, place)


def _rows(file: InputFile) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each row with its line."""
    from numbann.data.delimited.text import open_text
    from numbann.data.files import translate_errors

    with translate_errors(file), open_text(file, ",") as stream:
        for line, text in enumerate(stream, 1):
            if not text.strip():
                continue
            try:
                row = load(text)
            except (ValueError, RecursionError) as error:
                reason = str(error).partition(":")[0]
                raise file.fault(f" row {line}: no JSON ({reason}); write an object a line") from None
            if not isinstance(row, dict):
                raise file.fault(f" row {line}: {quoted(text.strip())} is no object; write an object a line")
            yield line, row


def load(text: str) -> Any:
    """Parse strict JSON; ValueError for a key that is given twice and for NaN and Infinity, too."""
    return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = {name.strip(): value for name, value in pairs}
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")


FORMAT = Format("jsonl", (".jsonl", ".ndjson"), read, header=header)
