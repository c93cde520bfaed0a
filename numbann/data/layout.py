"""The layout of the inputs: which features are numbers, categories or codes, and which have missing numbers.

It is found when the data is read.  The transforms of numbers are fitted later, once the network asks for inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Any

import numpy as np

from numbann.data.choices import NUMBERS, TARGET, TEXT, Choice, check_settings, choose_all, settings_of
from numbann.data.columns import MISSING
from numbann.data.contract import CODED, ScaleNames, as_tuples
from numbann.data.dates import no_date
from numbann.data.encoding import Encoding, fit_group, holes_of
from numbann.data.table import Raw, RowSelection, count_of, sample_of
from numbann.data.tasks.task import Task
from numbann.data.transforms import DATES, find_code
from numbann.data.transforms.bins import FITTED, MOST_INPUTS, Bins, count_bins, room
from numbann.data.transforms.categories import Categories
from numbann.data.transforms.code import Code
from numbann.data.transforms.codes.target import Coding as TargetCoding
from numbann.data.transforms.transform import Columns
from numbann.data.wording import counted, quoted, shortened
from numbann.errors import DataError
from numbann.records import dataclass


@dataclass(frozen=True)
class Layout:
    """How each feature becomes inputs.

    choices: what the spec and its defaults say of each.  categories, codes: of those that are text.  holes: the columns
    of numbers of which training rows lack some, with their number.  bins: of columns of numbers; asked_bins: how many
    were asked for.
    """

    choices: Mapping[str, Choice]
    categories: Mapping[str, Categories]
    codes: Mapping[str, Code]
    holes: Mapping[str, int]
    bins: Mapping[str, Bins] = field(default_factory=dict)
    asked_bins: Mapping[str, int] = field(default_factory=dict)

    @property
    def indicated(self) -> tuple[str, ...]:
        """The features that get one more input, which says where a number is missing."""
        firsts = {name: self.codes[name].names(name)[0] if name in self.codes else name for name in self.choices}
        return tuple(
            name for name, choice in self.choices.items() if choice.missing == "indicate" and firsts[name] in self.holes
        )

    def encoding(self) -> Encoding:
        """Return the encoding without groups of numbers."""
        return Encoding(tuple(self.choices), self.categories, self.codes, (), self.indicated, self.bins)

    def fit(self, raw: Raw, rows: RowSelection, missing: str, scale: ScaleNames) -> Encoding:
        """Fit the transforms to the training rows.  missing, scale: those of columns of which the spec says nothing."""
        usual, encoding = (missing, None, as_tuples(scale)), self.encoding()
        names: dict[tuple[Any, ...], list[str]] = {usual: []}
        for feature, choice in self.choices.items():
            asked = as_tuples(choice.scale)
            kind = (choice.missing, choice.fill, usual[2] if asked == "auto" else asked)
            names.setdefault(kind, []).extend(encoding.columns_of(feature))
        names = {kind: every for kind, every in names.items() if every or kind == usual}
        holes = frozenset(self.holes)
        groups = [
            fit_group(Columns(raw, rows, (), tuple(every), self.codes, holes), Choice(chosen, filling, fill))
            for (filling, fill, chosen), every in names.items()
        ]
        return replace(encoding, groups=tuple(groups))

    def notes(self, rows: int) -> tuple[str, ...]:
        """Return notes of missing numbers, with what stands for them, of categories by code, and of the bins."""
        shown = [f"{name} ({count})" for name, count in self.holes.items() if name in self.indicated]
        standing = "the median stands for them, and an input says so"
        found = [f"missing numbers: {shortened(shown)} of {rows} rows; {standing}"] if shown else []
        coded = [f"{name} ({len(known)})" for name, known in self.categories.items() if known.coded]
        found += [f"categories by code: {shortened(coded)}"] if coded else []
        return (*found, *self._notes_of_bins())

    def _notes_of_bins(self) -> Iterator[str]:
        """Yield a note that counts the bins, and says where there are fewer than asked for."""
        if not self.asked_bins:
            return
        most, given = max(self.asked_bins.values()), max(room(self.asked_bins).values())
        less = f"; {most} a column would be more than {MOST_INPUTS} inputs" if given < most else ""
        inputs = sum(map(len, self.bins.values()))
        yield f"bins: {counted(inputs, 'input')} of {counted(len(self.bins), 'column')} of numbers{less}"


def lay_out(section: Mapping[str, Any], raw: Raw, rows: RowSelection, task: Task) -> Layout:
    """Find the layout from the spec's `data` and the training rows."""
    scale = section["scale"]
    kinds = {name: TEXT if name in raw.table.texts else NUMBERS for name in raw.table.names}
    check_settings(section["columns"], kinds | dict.fromkeys(raw.targets, TARGET))
    choices = choose_all(section, raw.table.names, scale, raw.table.texts)
    codes = {
        name: _code(name, choice, raw, rows, task)
        for name, choice in choices.items()
        if choice.code and name in raw.table.texts
    }
    for name, choice in choices.items():
        if choice.code and name not in raw.table.texts:
            raise DataError(
                f"column {quoted(name)} holds numbers, not {choice.code}; leave that out", key="data.columns"
            )
    known = {name: choice for name, choice in choices.items() if name in raw.table.texts and name not in codes}
    most = {name: section.get(CODED) for name in known if "categories" not in settings_of(section["columns"], name)}
    categories = {
        name: Categories.fit(raw.table.texts[name], rows, name, choice, most.get(name))
        for name, choice in known.items()
    }
    _refuse_holes(choices, raw)
    every = [column for name in choices if name not in categories for column in _columns_of(name, codes)]
    counts = holes_of(Columns(raw, rows, chosen=tuple(every), codes=codes))
    found = Layout(choices, categories, codes, {name: n for name, n in zip(every, counts, strict=True) if n})
    return _with_bins(found, raw, rows, task)


def _with_bins(layout: Layout, raw: Raw, rows: RowSelection, task: Task) -> Layout:
    """Return the layout with bins, fitted to training rows, for the columns of numbers that are to have some."""
    encoding, total = layout.encoding(), count_of(rows, len(raw.table))
    choices = {column: one.bins for name, one in layout.choices.items() for column in encoding.columns_of(name)}
    counts = {name: count_bins(one, total, task.labelled) for name, one in choices.items() if one}
    asked = {name: count for name, count in counts.items() if count}
    by_target = {name: choices[name]["by"] == "target" for name in asked}
    few, counts = sample_of(rows, len(raw.table), FITTED), room(asked)
    targets = _targets(raw, few, task) if any(by_target.values()) else None
    found: dict[str, Bins | None] = {}
    for name, values in zip(asked, Columns(raw, few, chosen=tuple(asked), codes=layout.codes).each(), strict=True):
        there = ~np.isnan(values)
        known = targets[there] if targets is not None and by_target[name] else None
        found[name] = Bins.fit(values[there], known, counts[name]) if counts[name] else None
    fitted = {name: one for name, one in found.items() if one is not None}
    return replace(layout, bins=fitted, asked_bins=asked)


def _targets(raw: Raw, rows: RowSelection, task: Task) -> np.ndarray:
    """Return what a tree is to tell apart (n, k): classes as 0 and 1, or targets of which none weighs by its unit."""
    found, _ = task.means(task.original(raw)[rows])
    deviation = found.std(axis=0) if task.standardized else np.ones(1)
    return found / np.where(deviation > 0, deviation, 1.0)


def _columns_of(name: str, codes: Mapping[str, Code]) -> tuple[str, ...]:
    return codes[name].names(name) if name in codes else (name,)


def _code(name: str, choice: Choice, raw: Raw, rows: RowSelection, task: Task) -> Code:
    """Return the code of a feature of text."""
    column = raw.table.texts[name]
    if choice.code == "target":
        return TargetCoding.fit(column, rows, *task.means(task.original(raw)[rows]))
    if choice.code == "ordinal" and not choice.order:
        raise DataError(
            f'column {quoted(name)}: "ordinal" needs the order of its texts: give "order": ["low", ...]',
            key="data.columns",
        )
    coding: Any = find_code(choice.code)
    code = coding.fit(column, rows, choice.format) if choice.dates else coding(tuple(map(str, choice.order)))
    row = code.unknown(column)
    if row is not None:
        raise raw.fault(row, name, f"{quoted(column.original[row])} is {_lacks(choice)}", "data.columns")
    return code


def _lacks(choice: Choice) -> str:
    if choice.code not in DATES:
        return f"not in its order {shortened([*map(quoted, choice.order)])}; add it, or to data.csv.na"
    return no_date(choice.format) + ("; correct it" if choice.format else '; correct it, or give its "format"')


def _refuse_holes(choices: Mapping[str, Choice], raw: Raw) -> None:
    """Refuse missing texts in columns that the spec says have none."""
    for name, column in raw.table.texts.items():
        if choices[name].missing == "error" and (column.codes == MISSING).any():
            row = int(np.argmax(column.codes == MISSING))
            raise raw.fault(row, name, "missing; fill it in, or set its missing in data.columns", "data.columns")
