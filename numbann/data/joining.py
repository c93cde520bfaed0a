"""Reads the files of a source, and joins the rows of several files of one table."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields, replace
from itertools import accumulate

import numpy as np

from numbann.data.columns import MISSING, Column, Numbers, Texts
from numbann.data.files import Files
from numbann.data.reading import Reading
from numbann.data.table import Raw, Table
from numbann.errors import DataError
from numbann.records import dataclass


@dataclass(frozen=True)
class _Further(Reading):
    """The settings for a further file.  undecided: the columns that are missing in every row so far."""

    undecided: frozenset[str] = frozenset()

    def is_decided(self, name: str) -> bool:
        """Tell whether an earlier file has decided if a column holds numbers or texts."""
        return super().is_decided(name) and name not in self.undecided


def read_source(source: Files, reading: Reading, need_target: bool = True) -> Raw:
    """Read the chosen columns; the columns of the first file are those of all.

    What a column holds is decided by the first file in which it is not missing in every row.
    """
    raws = [source.format.read(source, reading, need_target)]
    if not source.more:
        return raws[0]
    known = reading.names is not None
    fixed = reading if known else raws[0].fix(reading, source.data.name)
    fixed = replace(fixed, keys=reading.keys, numeric=reading.numeric, empty=reading.empty)
    own = {one.name: getattr(fixed, one.name) for one in fields(Reading)}
    undecided = frozenset() if known else frozenset(raws[0].table.number_names)
    for file in source.more:
        undecided = undecided.intersection(raws[-1].table.empty)
        further = _Further(**own, undecided=undecided)
        raws.append(source.format.read(Files(source.format, file), further, need_target))
        own |= {"texts": (*further.texts, *raws[-1].fix(further, "").texts), "origin": "an earlier file"}
    return _join_raws([_with_texts(raw, raws[-1].table.texts) for raw in raws])


def _with_texts(raw: Raw, names: Collection[str]) -> Raw:
    """Return the rows with these columns as texts; those that hold numbers are missing in every row."""
    table = raw.table
    kept = [place for place, name in enumerate(table.number_names) if name not in names]
    if len(kept) == len(table.number_names):
        return raw
    missing = Texts(np.full(len(table), MISSING, np.int32), ())
    texts = {name: table.texts.get(name, missing) for name in table.names if name in names}
    return replace(raw, table=Table(table.names, table.block(slice(None))[:, kept], texts))


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
    if not any(isinstance(column, Texts) for column in columns):
        numbers = [column for column in columns if isinstance(column, Numbers)]
        return Numbers(np.concatenate([column.values for column in numbers]), all(one.whole for one in numbers))
    texts = [
        Texts(np.full(len(column), MISSING, np.int32), ()) if column.missing.all() else column for column in columns
    ]
    if any(isinstance(column, Numbers) for column in texts):
        raise DataError(
            f'column "{name}" holds text in one file and numbers in another; add it to data.categorical',
            key="data.target",
        )
    return _join_texts([column for column in texts if isinstance(column, Texts)])


def _join_texts(columns: Sequence[Texts]) -> Texts:
    known: dict[str, int] = {}
    pieces = []
    for column in columns:
        codes = [known.setdefault(text, len(known)) for text in column.values]
        pieces.append(np.array([*codes, MISSING], np.int32)[column.codes])
    return Texts(np.concatenate(pieces), tuple(known))
