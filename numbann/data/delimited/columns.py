"""Reads the columns of a table of text, chunk by chunk, in one pass.

Messages count rows as lines of the file, including the header and empty lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice

from numbann.data.cells import GrowingColumn, MixedColumn, are_codes, is_infinite, is_number
from numbann.data.columns import Column, Texts
from numbann.data.delimited.arrow import read_columns
from numbann.data.delimited.chunks import CellChunk, NumberChunk, RaggedRow, chunks
from numbann.data.delimited.header import SAMPLE_ROWS, Delimited
from numbann.data.delimited.text import numbered_rows
from numbann.data.findings.notation import notation_of
from numbann.data.memory import check_room
from numbann.data.reading import choose_columns
from numbann.data.table import Raw, raw_from_columns
from numbann.data.wording import counted, listed, quoted
from numbann.errors import DataError

ROWS_TO_COUNT = 1000  # cells that tell which kind is rarer, once a column has both


def read_table(table: Delimited, need_target: bool) -> Raw:
    """Read the chosen columns."""
    names = table.names()
    chosen = choose_columns(table.reading, names, table.file.name, need_target)
    columns = read_columns(table, names, chosen.every)
    if columns is None:
        features = [*chosen.features, *chosen.weight, *chosen.keys]
        columns, padded = _read(table, names, features, chosen.targets, need_target)
        columns |= _codes(table, names, tuple(filter(table.reading.may_be_codes, padded)))
    return raw_from_columns(columns, chosen, table.reading, table.file.name, table.place, table.delimiter)


def _codes(table: Delimited, names: Sequence[str], wanted: tuple[str, ...]) -> dict[str, Column]:
    """Read columns once more, as texts; return those that are codes."""
    as_texts = replace(table, reading=replace(table.reading, categorical=wanted))
    texts = _read(as_texts, names, wanted, ())[0] if wanted else {}
    return {name: one for name, one in texts.items() if isinstance(one, Texts) and are_codes(one.values)}


def _read(
    table: Delimited, names: Sequence[str], features: Sequence[str], targets: Sequence[str], need_rows: bool = True
) -> tuple[dict[str, Column], list[str]]:
    """Read the features and targets by name, and return those that may be codes apart.

    Targets and categories are read as cells: their notation matters.
    """
    is_text, na = table.reading.is_text, frozenset(table.reading.na)
    plain = table.reading.plain if table.reading.localized else None
    growing = {name: GrowingColumn(na, is_text(name), plain) for name in [*features, *targets]}
    positions = {name: position for position, name in enumerate(names) if name in growing}
    literal, rows = {name for name in growing if is_text(name) or name in targets}, 0
    for chunk in _chunks(table, len(names), need_rows):
        rows += len(chunk)
        size = 8 * rows * len(growing) // 2  # that the inputs made of the columns take beside them
        check_room(size, f"{table.file.name}, inputs of {rows} rows and more", table.file.key, "leave columns out")
        for name, column in growing.items():
            with _explain_faults(table, name, positions[name]):
                if isinstance(chunk, NumberChunk) and name not in literal:
                    column.add_numbers(chunk.numbers[positions[name]], partial(chunk.cells, positions[name]))
                else:
                    column.add(chunk.cells(positions[name]))
    padded = [name for name, column in growing.items() if column.padded]
    return {name: _finish(table, name, growing.pop(name), positions[name]) for name in [*growing]}, padded


def _finish(table: Delimited, name: str, column: GrowingColumn, position: int) -> Column:
    with _explain_faults(table, name, position):
        return column.finish()


def _chunks(table: Delimited, width: int, need_rows: bool) -> Iterator[NumberChunk | CellChunk]:
    found = False
    try:
        for chunk in chunks(table, width):
            found = True
            yield chunk
    except RaggedRow:
        raise DataError(_describe_ragged_row(table, width)) from None
    if need_rows and not found:
        raise table.file.fault(" has a header but no rows; add rows")


def _describe_ragged_row(table: Delimited, width: int) -> str:
    line, cells = next(((line, cells) for line, cells in table.rows() if len(cells) != width), (0, []))
    what = (
        f"{table.file.name} row {line}: {counted(len(cells), 'cell')} where {width} are expected "
        f"(delimiter {quoted(table.delimiter)}); correct the row, or data.csv"
    )
    mark = cells[0][:1] if len(cells) == 1 and width > 1 else ""
    comment = f"; if it is none, set data.csv.comment to {quoted(mark)}" if mark and not mark.isalnum() else ""
    return what + comment + _first_line_hint(table, width)


def _first_line_hint(table: Delimited, width: int) -> str:
    """Return what to do with a first line that is no row: the next ones all have another number of cells."""
    (line, first), *others = islice(numbered_rows(table.file, table.delimiter), SAMPLE_ROWS)
    widths = {len(cells) for _, cells in others}
    if len(others) < 2 or len(widths) > 1 or len(first) in widths or len(first) != width:
        return ""
    text = table.delimiter.join(first)
    mark = "" if text[:1].isalnum() or not text else f", or data.csv.comment to {quoted(text[:1])}"
    return f"; if line {line}, {quoted(text)}, is not of the table, set data.csv.skip to {line}{mark}"


@contextmanager
def _explain_faults(table: Delimited, name: str, position: int) -> Iterator[None]:
    """Turn a column that cannot be read into an error that names the cell."""
    try:
        yield
    except MixedColumn:
        raise DataError(_describe_fault(table, name, position)) from None


def _describe_fault(table: Delimited, name: str, position: int) -> str:
    """Describe the first cell that is too large, or the first one of the rarer kind (number or text).

    Of equally many the later one.  Few rows after the first of both kinds tell which is rarer.
    """
    firsts: dict[bool, tuple[int, str]] = {}
    counts, more = {True: 0, False: 0}, ROWS_TO_COUNT
    odd: dict[str, None] = {}  # the texts that are no numbers
    for line, text in ((line, cells[position].strip()) for line, cells in table.rows()):
        if text in table.reading.na:
            continue
        number = is_number(table.reading.plain(text))
        if is_infinite(table.reading.plain(text)):
            return f"{_cell(table, name, line, text)} is too large a number; correct the cell"
        firsts.setdefault(number, (line, text))
        counts[number] += 1
        odd |= {} if number else {text: None}
        more -= len(firsts) == 2
        if not more:
            break
    if len(firsts) < 2:
        return f"{table.file.name}: has changed while it was read; leave it alone, or work on a copy"
    number = min(counts, key=lambda kind: (counts[kind], -firsts[kind][0]))
    (line, text), (usual, _) = firsts[number], firsts[not number]
    if not number and text.lower().lstrip("+-") in ("inf", "infinity"):
        where = _cell(table, name, line, text)
        return f"{where} is infinite; correct the cell, or add {quoted(text)} to data.csv.na: it is then missing"
    texts = [text] if number else [*odd]
    told = notation_of(text) if table.reading.names is None and not number else None
    if told:
        what, remedy = told
        return f"{_cell(table, name, line, text)} is a number with {what}; {remedy}or write it as 1234.5"
    advice = "" if name == table.reading.weight else f", {_advice(texts, number, name)}"
    if advice and table.reading.names is not None:
        advice = f", or train anew with {quoted(name)} in data.categorical"
    mixed = "is a number in a column of text" if number else "is no number in a column of numbers"
    others = f", nor is {listed(texts[1:])}" if texts[1:] else ""
    cells = "cells" if others else "cell"
    return f"{_cell(table, name, line, text)} {mixed} (row {usual}){others}; correct the {cells}{advice}"


def _cell(table: Delimited, name: str, line: int, text: str) -> str:
    return f"{table.file.name} row {line}, column {quoted(name)}: {quoted(text)}"


def _advice(texts: Sequence[str], number: bool, name: str) -> str:
    missing = "" if number else f"add {quoted(texts[0]) if len(texts) == 1 else 'them'} to data.csv.na, "
    return f"{missing}or add {quoted(name)} to data.categorical"
