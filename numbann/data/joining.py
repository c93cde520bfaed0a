"""Reads the files of a source, and joins the rows of several files of one table."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np

from numbann.data.columns import MISSING, Column, Numbers, Texts
from numbann.data.files import Files
from numbann.data.reading import Reading
from numbann.data.table import Raw, Table
from numbann.errors import DataError


def read_source(source: Files, reading: Reading, need_target: bool = True) -> Raw:
    """Read the chosen columns; the columns of the first file are those of all."""
    first = source.format.read(source, reading, need_target)
    if not source.more:
        return first
    fixed = reading if reading.names is not None else replace(first.fix(reading, source.data.name), keys=reading.keys)
    others = [source.format.read(Files(source.format, file), fixed, need_target) for file in source.more]
    return _join_raws([first, *others])


def _join_raws(raws: Sequence[Raw]) -> Raw:
    """Return the rows of all, one file after the other."""
    first = raws[0]
    texts = {name: _join_texts([raw.table.texts[name] for raw in raws]) for name in first.table.texts}
    numbers = np.concatenate([raw.table.block(slice(None)) for raw in raws])
    targets = {name: _join([raw.targets[name] for raw in raws], name) for name in first.targets}
    weights = [raw.weight for raw in raws if raw.weight is not None]
    delimiters = {raw.delimiter for raw in raws}
    return Raw(
        Table(first.table.names, np.asfortranarray(numbers), texts),
        targets,
        _place(raws),
        first.delimiter if len(delimiters) == 1 else "auto",
        tuple(dict.fromkeys(note for raw in raws for note in raw.notes)),
        _join(weights, "data.weight") if len(weights) == len(raws) else None,
        {name: _join([raw.keys[name] for raw in raws], name) for name in first.keys},
    )


def _place(raws: Sequence[Raw]) -> Callable[[int], str]:
    """Return the function that says where a row of all stands."""
    begins = [0, *accumulate(len(raw.table) for raw in raws)]

    def place(row: int) -> str:
        which = bisect(begins, row) - 1
        return raws[which].place(row - begins[which])

    return place


def _join(columns: Sequence[Column], name: str) -> Column:
    numbers = [column for column in columns if isinstance(column, Numbers)]
    texts = [column for column in columns if isinstance(column, Texts)]
    if not texts:
        return Numbers(np.concatenate([column.values for column in numbers]), all(one.whole for one in numbers))
    if not numbers:
        return _join_texts(texts)
    raise DataError(
        f'column "{name}" holds text in one file and numbers in another; add it to data.categorical', key="data.target"
    )


def _join_texts(columns: Sequence[Texts]) -> Texts:
    known: dict[str, int] = {}
    pieces = []
    for column in columns:
        codes = [known.setdefault(text, len(known)) for text in column.values]
        pieces.append(np.array([*codes, MISSING], np.int32)[column.codes])
    return Texts(np.concatenate(pieces), tuple(known))
