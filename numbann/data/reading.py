"""The settings for reading sources, and the choice of columns: features, targets and weights."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

from numbann.data.choices import TEXTUAL, fits, unknown_patterns
from numbann.data.contract import keys_of_split
from numbann.data.files import InputFile
from numbann.data.wording import counted, listed, nearest, quoted
from numbann.errors import DataError
from numbann.records import dataclass

SKIP = "if the first line is not that of the names, set data.csv.skip to 1 (or to the lines above it)"
TAKE_OUT = "take it out, or train with data.csv.skip or data.csv.comment"
Faults = Iterator[tuple[str | None, str]]  # the spec's key to blame, and what is wrong


@dataclass(frozen=True)
class Reading:
    """The spec's settings for reading sources.

    group: the column of the groups that batches hold whole.  keys: the columns that the split goes by.  patterns: the
    keys of data.columns; textual: those of columns whose numbers are categories; numeric: the columns that hold numbers
    even with leading zeros.  Once the training source is read, `names` holds its features, `texts` its text columns,
    `empty` those without a cell, of which nobody knows what they hold, and `origin` its name.
    """

    format: str
    delimiter: str
    header: bool | tuple[str, ...]
    na: tuple[str, ...]
    features: tuple[str, ...] | None
    targets: tuple[str, ...] | None
    drop: tuple[str, ...]
    categorical: tuple[str, ...]
    weight: str | None = None
    group: str | None = None
    keys: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    textual: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    names: tuple[str, ...] | None = None
    texts: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    origin: str = ""
    encoding: str = "utf-8"
    skip: int = 0
    comment: str = ""
    decimal: str = "."
    thousands: str = ""
    percent: bool = False

    @property
    def localized(self) -> bool:
        """Whether numbers are written in another way than with a decimal point alone."""
        return self.decimal != "." or bool(self.thousands) or self.percent

    def plain(self, text: str) -> str:
        """Return a number as it is with a decimal point alone; anything else as a text that is no number."""
        if not self.localized:
            return text
        text = text.removesuffix("%").rstrip() if self.percent else text
        if self.thousands and self._grouped.fullmatch(text):
            text = text.replace(self.thousands, "")
        return text if self.decimal == "." else text.translate({ord("."): "_", ord(self.decimal): "."})

    @cached_property
    def _grouped(self) -> re.Pattern[str]:
        """The pattern of a number with thousands apart, such as -12.345.678,9."""
        return re.compile(
            rf"[+-]?[0-9]{{1,3}}(?:{re.escape(self.thousands)}[0-9]{{3}})+(?:{re.escape(self.decimal)}[0-9]*)?"
        )

    @cached_property
    def _texts(self) -> frozenset[str]:
        return frozenset(self.categorical) | frozenset(self.texts)

    def is_text(self, name: str) -> bool:
        """Tell whether a column's numbers are categories, too."""
        return name in self._texts or (bool(self.textual) and self._is_textual(name))

    def _is_textual(self, name: str) -> bool:
        return name not in (self.targets or ()) and any(fits(pattern, name) for pattern in self.textual)

    def may_be_codes(self, name: str) -> bool:
        """Tell whether whole numbers with leading zeros are texts in a column of the training source."""
        apart = (self.weight, *self.apart, *self.numeric)
        return not self.is_decided(name) and name not in apart and not self.is_text(name)

    def is_decided(self, name: str) -> bool:
        """Tell whether the training source has decided if a column holds numbers or texts."""
        return self.names is not None

    def key(self, key: str) -> str | None:
        """Return the spec's key to blame; None once the training source has fixed the columns."""
        return key if self.names is None else None

    def fix_columns(
        self, names: tuple[str, ...], texts: Sequence[str], origin: str, empty: tuple[str, ...] = ()
    ) -> Reading:
        """Return the reading for every further source, which must have these features."""
        fixed = replace(self, names=names, texts=tuple(texts), empty=empty, origin=origin)
        return replace(fixed, keys=(), patterns=(), textual=(), numeric=())

    @property
    def apart(self) -> tuple[str, ...]:
        """The columns that rows go by: the split, in the training source, and batches."""
        return tuple(dict.fromkeys((*self.keys, *([] if self.group is None else [self.group]))))


def reading_from_section(section: Mapping[str, Any]) -> Reading:
    """Build the reading from the spec's `data` object."""
    table, target, columns = section["csv"], section["target"], section["columns"]
    targets = (target,) if isinstance(target, str) else None if target is None else tuple(target)
    scaled = [name for name, given in columns.items() if given.get("scale") is not None]
    return Reading(
        format=section["format"],
        delimiter=table["delimiter"],
        header=table["header"] if isinstance(table["header"], bool) else tuple(table["header"]),
        na=tuple(table["na"]),
        features=None if section["features"] is None else tuple(section["features"]),
        targets=targets,
        drop=tuple(section["drop"]),
        categorical=tuple(section["categorical"]),
        weight=section["weight"],
        group=section.get("group"),
        keys=keys_of_split(section["split"]),
        patterns=tuple(columns),
        encoding=table["encoding"] or "utf-8",
        skip=table["skip"],
        comment=table["comment"] or "",
        decimal=table["decimal"] or ".",
        thousands=table["thousands"] or "",
        percent=table["percent"],
        numeric=(*scaled, *((targets or ()) if section["task"] == "regression" else ())),
        textual=tuple(name for name, given in columns.items() if any(given.get(key) for key in TEXTUAL)),
    )


def check_distinct(names: Iterable[str], file: InputFile) -> tuple[str, ...]:
    """Return the names of a table's columns; DataError if two are equal."""
    found = tuple(names)
    if (unnamed := found.count("")) > 1:
        what = f"{counted(unnamed, 'column')} have no name"
        raise DataError(f"{file.name}: {what}; name them, or {SKIP}", key=file.key)
    for name, count in Counter(found).items():
        if count > 1:
            raise DataError(
                f"{file.name}: two columns are named {quoted(name)}; {header_hint(found) or 'rename one'}", key=file.key
            )
    return found


def header_hint(names: Sequence[str]) -> str:
    """Return what to do where a first row of numbers seems to have been taken for names; else an empty text."""
    numbers = sum(name.lstrip("+-").replace(".", "", 1).isdigit() for name in names)
    if names == tuple(map(str, range(len(names)))) or 2 * numbers < len(names):
        return ""
    names_then = 'false (the columns are then "0", "1", ...) or a list of names'
    return f"if the first row is no header, set data.csv.header to {names_then}"


class ChosenColumns(NamedTuple):
    """The columns of a table to read.  weight: one name or none.  keys: what rows go by; may be features too."""

    features: tuple[str, ...]
    targets: tuple[str, ...]
    weight: tuple[str, ...]
    keys: tuple[str, ...] = ()

    @property
    def exact(self) -> set[str]:
        """Those of which it matters whether their numbers are written as whole ones."""
        return {*self.targets, *self.weight, *self.keys}

    @property
    def every(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((*self.features, *self.targets, *self.weight, *self.keys)))


def choose_columns(reading: Reading, names: Sequence[str], where: str, need_target: bool) -> ChosenColumns:
    """Choose the columns of a table to read; its targets and weights only if needed."""
    _refuse(column_faults(reading, names, where, need_target))
    features = reading.names or reading.features or _others(reading, names)
    targets = (reading.targets or ()) if need_target else ()
    weight = choose_weight(reading, names, [*features, *targets], where) if need_target else ()
    return ChosenColumns(features, targets, weight, reading.apart if need_target else ())


def column_faults(reading: Reading, names: Sequence[str], where: str, need_target: bool = True) -> Faults:
    """Yield the key and the message for each column that the spec names and the table lacks."""
    targets = (reading.targets or ()) if need_target else ()
    if need_target and not targets:
        yield reading.key("data.target"), f"a table needs a target; name one of {listed(names)}"
    yield from _unknown(targets, names, where, reading.key("data.target"))
    yield from _feature_faults(reading, names, where, reading.features)
    if reading.names is None:
        yield from _unknown([] if reading.weight is None else [reading.weight], names, where, "data.weight")
    if need_target:
        yield from _unknown([] if reading.group is None else [reading.group], names, where, reading.key("data.group"))
        yield from _unknown(reading.keys, names, where, "data.split")


def choose_features(reading: Reading, names: Sequence[str], listed_features: bool, where: str) -> tuple[str, ...]:
    """Choose the features among the columns of a source.  listed_features: `data.features` names columns there."""
    wanted = reading.features if listed_features else None
    _refuse(_feature_faults(reading, names, where, wanted))
    return reading.names or wanted or _others(reading, names)


def choose_weight(reading: Reading, names: Sequence[str], taken: Sequence[str], where: str) -> tuple[str, ...]:
    """Choose the column of weights of a source: one or none.  Sources other than the training source may lack it."""
    name = reading.weight
    if name is None or (reading.names is not None and name not in names):
        return ()
    _refuse(_unknown((name,), names, where, "data.weight"))
    if name in taken:
        raise DataError(f"{quoted(name)} is a feature or a target too; leave it out there", key="data.weight")
    return (name,)


def _feature_faults(reading: Reading, names: Sequence[str], where: str, wanted: Sequence[str] | None) -> Faults:
    """Yield a fault for each feature, dropped column or category that is missing, and one if no feature is left."""
    if reading.names is not None:
        yield from _unknown(reading.names, names, where, None)
        return
    yield from _unknown(wanted or (), names, where, "data.features")
    yield from _unknown(reading.drop, names, where, "data.drop")
    known = list(dict.fromkeys([*names, *(reading.targets or ())]))
    yield from _unknown(reading.categorical, known, where, "data.categorical")
    yield from _unknown([*unknown_patterns(reading.patterns, known)], known, where, "data.columns")
    taken = [*(wanted or _others(reading, names)), *(reading.targets or ())]
    for name in set(unknown_patterns(reading.patterns, taken)).difference(unknown_patterns(reading.patterns, known)):
        yield "data.columns", f"column {quoted(name)} is no input, so its settings do nothing; leave one of them out"
    if not wanted and not _others(reading, names):
        yield "data.features", f"{where}: no column is left for the inputs of {listed(names)}"


def _others(reading: Reading, names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that are neither target nor weight nor group nor dropped, nor what the split goes by alone."""
    keys = set(reading.keys).difference(reading.patterns)
    taken = {*(reading.targets or ()), *reading.drop, reading.weight, reading.group, *keys}
    return tuple(name for name in names if name not in taken)


def _unknown(wanted: Sequence[str], names: Sequence[str], where: str, key: str | None) -> Faults:
    known = set(names)
    for name in wanted:
        if name not in known:
            hint, first = nearest(name, names) or ";", header_hint(names) or _delimiter_hint(names)
            if name.isdigit() and [*names] == [*map(str, range(len(names)))]:
                cells = counted(len(names), "cell")
                hint, first = ";", f"its first line has {cells}; if that is no row of the table, {TAKE_OUT}"
            yield (
                key,
                f"{where} has no column {quoted(name)}{hint} its columns: {listed(names)}{first and f'; {first}'}",
            )


def _delimiter_hint(names: Sequence[str]) -> str:
    """Return what to do where a first line tells only the delimiter, as Excel's does, or is not cut at its spaces."""
    if names[:1] and names[0].startswith("sep="):
        return "the first line tells the delimiter alone: set data.csv.skip to 1"
    uncut = len(names) == 1 and " " in names[0]
    return 'if spaces are between the columns, set data.csv.delimiter to " "' if uncut else ""


def _refuse(faults: Faults) -> None:
    """Raise the first fault, if there is any."""
    for key, message in faults:
        raise DataError(message, key=key)
