"""Findings about single columns: numbers, dates and identifiers taken for categories, and columns that say nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from numbann.data.cells import is_number
from numbann.data.choices import USUAL, Choice
from numbann.data.columns import Exact, Texts
from numbann.data.dates import parse_dates
from numbann.data.findings.finding import Finding
from numbann.data.findings.notation import (
    COMMAS,
    DECIMAL,
    DOTS,
    DOTTED,
    MOST,
    NUMBERS,
    formats_of,
    looks,
    most,
    unit_of,
)
from numbann.data.findings.sample import ALL, Sample, distinct, known_rows
from numbann.data.ordered import sort_distinct
from numbann.data.table import Raw
from numbann.data.transforms.categories import Categories
from numbann.data.wording import quoted

FEWEST = 20  # rows below which nothing is said of identifiers
SENTINELS = (-9, -99, -999, -9999, -99999, 99, 999, 9999, 99999, 999999)  # numbers that often mean missing
WHOLE = ("scale", "categories", "bins")  # what a spec says of all columns at once
UNITS = 10  # different numbers with a unit from which it is said
INDEX = re.compile(r"(|unnamed: \d+|(row_?)?(id|index|number|no|nr))", re.IGNORECASE)


def refuse_numbers_as_texts(raw: Raw, asked: Sequence[str]) -> None:
    """Refuse a column of which most texts are numbers in a way of writing that no number is read from.

    asked: the columns that the spec calls categories.
    """
    columns = {**raw.table.texts, **{name: one for name, one in raw.targets.items() if isinstance(one, Texts)}}
    dotted = any(map(DOTTED.fullmatch, (text for column in columns.values() for text in distinct(column))))
    for name, column in columns.items():
        if name in asked or any(isinstance(text, Exact) for text in column.values):
            continue
        texts = distinct(column)
        _refuse_quoted_numbers(raw, name, column, texts)
        for pattern, (what, remedy) in NUMBERS.items():
            if most(texts, pattern):
                fitting = [code for code, text in enumerate(column.values) if pattern.fullmatch(text)]
                row = int(np.argmax(np.isin(column.codes, fitting)))
                found = remedy.replace(DECIMAL, DOTS) if dotted and COMMAS not in remedy else remedy
                text, first = quoted(column.original[row]), found if raw.delimiter else ""
                others = f"{first}write them as 1234.5, or name the column in data.categorical"
                raise raw.fault(row, name, f"{text} and the others are numbers with {what}; {others}", None)


def _refuse_quoted_numbers(raw: Raw, name: str, column: Texts, texts: Sequence[str]) -> None:
    """Refuse numbers with fractions that are texts in a frame or in JSON; whole ones may be codes."""
    if raw.delimiter or len(texts) < 2 or not all(map(is_number, texts)) or not any("." in text for text in texts):
        return
    row = int(np.argmax(~column.missing))
    what = f"{quoted(column.original[row])} and the others are numbers written as texts"
    raise raw.fault(row, name, f"{what}; make numbers of them, or name the column in data.categorical", None)


def feature_findings(sample: Sample, choices: dict[str, Choice]) -> Iterator[Finding]:
    """Find what is strange about the features."""
    for name, column in sample.texts.items():
        if _is_usual(choices[name]):
            yield from _text_findings(name, column)
    for position, (name, values) in enumerate(zip(sample.raw.table.number_names, sample.numbers.T, strict=False)):
        yield from _number_findings(sample.raw, position, name, values)


def _is_usual(choice: Choice) -> bool:
    """Tell whether the spec says nothing of a column of text but what it says of all: categories as inputs."""
    return not choice.code and replace(choice, **{key: getattr(USUAL, key) for key in WHOLE}) == USUAL


def _text_findings(name: str, column: Texts) -> Iterator[Finding]:
    texts, rows = distinct(column), known_rows(column)
    formats = formats_of(texts)
    if formats:
        yield _dates(name, texts[0], formats)
        return
    if rows >= FEWEST and len(column.values) >= MOST * rows:
        what = f"column {quoted(name)}: {len(column.values)} values in {rows} rows, an identifier?"
        yield Finding("identifier", name, f"{what} {_drop(name)}")
        return
    if len(column.values) == 1 and rows == len(column):
        yield _constant(name, quoted(column.values[0]))
    unit = unit_of(texts)
    if unit and len(texts) >= UNITS:
        what = f"column {quoted(name)}: {quoted(texts[0])} and the others look like numbers with a unit"
        yield Finding("units", name, f"{what}; write them without {quoted(unit)}, or each is a category")
    yield from case_findings(name, column, "categories")


def _dates(name: str, example: str, formats: Sequence[str]) -> Finding:
    given = '"dates": "parts"' + (f', "format": {quoted(formats[0])}' if formats[0] else "")
    other = f", or {quoted(formats[1])} if that is meant" if formats[1:] else ""
    remedy = f'"columns": {{{quoted(name)}: {{{given}}}}}{other}'
    return Finding("dates", name, f"column {quoted(name)} looks like dates ({quoted(example)}): {remedy}")


def case_findings(name: str, column: Texts, what: str) -> Iterator[Finding]:
    """Find texts that differ in case alone, or in nothing that is seen."""
    seen: dict[str, str] = {}
    for text in column.values:
        other = seen.setdefault(looks(text), text)
        if other != text:
            shown = quoted if other.casefold() == text.casefold() else json.dumps
            pair = f"{shown(other)} and {shown(text)}"
            yield Finding("case", name, f"column {quoted(name)}: {pair} are two {what}; write them alike")
            return


def folded_findings(categories: Mapping[str, Categories]) -> Iterator[Finding]:
    """Find columns of which all categories are folded into one."""
    for name, known in categories.items():
        if known.folded and not known.values:
            what = f'column {quoted(name)}: "rare" folds all of its categories into one, which says nothing'
            yield Finding("constant", name, f'{what}; give a smaller "rare"')


def _number_findings(raw: Raw, position: int, name: str, values: np.ndarray) -> Iterator[Finding]:
    if raw.table.stored is not None:
        return  # each column would be read with all the others
    there = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    if not len(there):
        if np.isnan(raw.table.column(ALL, position)).all():
            yield Finding("empty", name, f"column {quoted(name)} is empty.  {_drop(name)}")
    elif (there == there[0]).all():
        whole = raw.table.column(ALL, position)
        if len(whole) > 1 and (whole == there[0]).all():
            yield _constant(name, f"{there[0]:g}")
    elif not name or (len(values) >= FEWEST and _counts_up(values, INDEX.fullmatch(name) is not None)):
        whole = raw.table.column(ALL, position)
        if not name or _counts_up(whole, INDEX.fullmatch(name) is not None):
            what = f"column {quoted(name)} {'counts up with the rows' if name else 'has no name'}, an index?"
            yield Finding("index", name, f"{what} {_drop(name)}")
    elif _are_days(there):
        yield _dates(name, f"{there[0]:.0f}", ("%Y%m%d",))
    else:
        yield from _sentinels(raw, name, there)


def _are_days(values: np.ndarray) -> bool:
    """Tell whether numbers are days such as 20241231."""
    if not (values == np.floor(values)).all() or not ((values > 19000100) & (values < 21000000)).all():
        return False
    return (~np.isnat(parse_dates([f"{value:.0f}" for value in sort_distinct(values)], "%Y%m%d"))).all().item()


def _sentinels(raw: Raw, name: str, values: np.ndarray) -> Iterator[Finding]:
    """Find a number such as -999 that several rows have, far from those of all others."""
    for mark in SENTINELS:
        others = values[values != mark]
        count = len(values) - len(others)
        if count < 2 or len(sort_distinct(others)) < 3:
            continue
        if np.abs(others - mark).min() > others.max() - others.min():
            told = f'add "{mark}" to data.csv.na' if raw.delimiter else "leave such cells empty"
            what = f"column {quoted(name)} is {mark} in {count} of {len(values)} rows, far from all others"
            yield Finding("sentinel", name, f"{what}; if that means missing, {told}")


def _constant(name: str, value: str) -> Finding:
    return Finding("constant", name, f"column {quoted(name)} is {value} in all rows.  {_drop(name)}")


def _drop(name: str) -> str:
    return f'Leave it out: "drop": [{quoted(name)}]'


def _counts_up(values: np.ndarray, named: bool) -> bool:
    """Tell whether whole numbers go up by one step; in a column named as an index, by any."""
    steps = np.diff(values)
    return bool((steps > 0).all() and (values == np.floor(values)).all() and (named or (steps == steps[0]).all()))
