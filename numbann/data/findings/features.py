"""Findings about single columns: numbers, dates and identifiers taken for categories, and columns that say nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from numbann.data.choices import Choice
from numbann.data.columns import Texts
from numbann.data.dates import ISO
from numbann.data.findings.finding import Finding
from numbann.data.findings.sample import ALL, Sample, distinct, known_rows
from numbann.data.table import Raw
from numbann.data.transforms.categories import Categories
from numbann.data.wording import quoted

MOST = 0.9  # the share of texts that decides what a column is
FEWEST = 20  # rows below which nothing is said of identifiers
DECIMAL, THOUSANDS = 'set data.csv.decimal to ","', 'set data.csv.thousands to ","'
NUMBERS = {  # what numbers may have that no number of a table has, and the remedy for a table of text
    re.compile(r"[+-]?[1-9]\d{0,2},\d{3}"): (
        "a decimal comma or a comma between thousands",
        f"{DECIMAL} or {THOUSANDS}, ",
    ),
    re.compile(r"[+-]?\d+,\d+"): ("a decimal comma", f"{DECIMAL}, "),
    re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?"): ("commas between thousands", f"{THOUSANDS}, "),
    re.compile(r"[+-]?\d+([.,]\d+)?\s*%"): ("a percent sign", "set data.csv.percent to true, "),
    re.compile(r"[$€£¥]\s*[\d.,]+|[\d.,]+\s*[$€£¥]"): ("a sign of a currency", ""),
}
DATES = {
    ISO: "",
    re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}"): "%d.%m.%Y",
    re.compile(r"\d{1,2}/\d{1,2}/\d{4}"): "%m/%d/%Y",
}
INDEX = re.compile(r"(|unnamed: \d+|(row_?)?(id|index|number|no|nr))", re.IGNORECASE)


def refuse_numbers_as_texts(raw: Raw, asked: Sequence[str]) -> None:
    """Refuse a column of which most texts are numbers in a way of writing that no number is read from.

    asked: the columns that the spec calls categories.
    """
    for name, column in (*raw.table.texts.items(), *raw.targets.items()):
        if name in asked or not isinstance(column, Texts):
            continue
        texts = distinct(column)
        for pattern, (what, remedy) in NUMBERS.items():
            if _most(texts, pattern):
                fitting = [code for code, text in enumerate(column.values) if pattern.fullmatch(text)]
                row = int(np.argmax(np.isin(column.codes, fitting)))
                text, first = quoted(column.original[row]), remedy if raw.delimiter else ""
                others = f"{first}write them as 1234.5, or name the column in data.categorical"
                raise raw.fault(row, name, f"{text} and the others are numbers with {what}; {others}", None)


def _most(texts: Sequence[str], pattern: re.Pattern[str]) -> bool:
    return len(texts) > 1 and sum(pattern.fullmatch(text) is not None for text in texts) >= MOST * len(texts)


def feature_findings(sample: Sample, choices: dict[str, Choice]) -> Iterator[Finding]:
    """Find what is strange about the features."""
    for name, column in sample.texts.items():
        if choices[name] == Choice(scale=choices[name].scale):
            yield from _text_findings(name, column)
    for position, (name, values) in enumerate(zip(sample.raw.table.number_names, sample.numbers.T, strict=False)):
        yield from _number_findings(sample.raw, position, name, values)


def _text_findings(name: str, column: Texts) -> Iterator[Finding]:
    texts, rows = distinct(column), known_rows(column)
    for pattern, format in DATES.items():
        if _most(texts, pattern):
            given = '"dates": "parts"' + (f', "format": {quoted(format)}' if format else "")
            remedy = f'"columns": {{{quoted(name)}: {{{given}}}}}'
            yield Finding("dates", name, f"column {quoted(name)} looks like dates ({quoted(texts[0])}): {remedy}")
            return
    if rows >= FEWEST and len(column.values) >= MOST * rows:
        what = f"column {quoted(name)}: {len(column.values)} values in {rows} rows, an identifier?"
        yield Finding("identifier", name, f"{what} {_drop(name)}")
        return
    if len(column.values) == 1 and rows == len(column):
        yield _constant(name, quoted(column.values[0]))
    yield from case_findings(name, column, "categories")


def case_findings(name: str, column: Texts, what: str) -> Iterator[Finding]:
    """Find texts that differ in case alone."""
    seen: dict[str, str] = {}
    for text in column.values:
        other = seen.setdefault(text.casefold(), text)
        if other != text:
            pair = f"{quoted(other)} and {quoted(text)}"
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


def _constant(name: str, value: str) -> Finding:
    return Finding("constant", name, f"column {quoted(name)} is {value} in all rows.  {_drop(name)}")


def _drop(name: str) -> str:
    return f'Leave it out: "drop": [{quoted(name)}]'


def _counts_up(values: np.ndarray, named: bool) -> bool:
    """Tell whether whole numbers go up by one step; in a column named as an index, by any."""
    steps = np.diff(values)
    return bool((steps > 0).all() and (values == np.floor(values)).all() and (named or (steps == steps[0]).all()))
