"""The encoding of raw features as network inputs, by transforms fitted on the training part.

Letters: N rows, F features that are numbers, I inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from numbann.data.choices import Choice
from numbann.data.contract import as_tuples
from numbann.data.table import INFINITE_NUMBER, Raw, RowSelection, count_of, row_at
from numbann.data.transforms import find_code, find_missing, find_scale
from numbann.data.transforms.bins import Bins
from numbann.data.transforms.categories import Categories
from numbann.data.transforms.code import Code
from numbann.data.transforms.missing import constant
from numbann.data.transforms.missing.indicate import Missing as Indicate
from numbann.data.transforms.transform import Columns, ShiftScale, Transform
from numbann.data.wording import counted, quoted
from numbann.errors import DataError
from numbann.records import dataclass

OTHER_SCALE = 'correct the cell, or train with data.scale "standard" or "minmax"'


@dataclass(frozen=True)
class Group:
    """Columns of numbers that are treated alike: their names, and the transforms fitted to them."""

    names: tuple[str, ...]
    missing: Transform
    scales: tuple[Transform, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values from which from_dict restores the same transforms."""
        return {"missing": self.missing.to_dict(), "scales": [scale.to_dict() for scale in self.scales]}

    @classmethod
    def from_dict(cls, names: Iterable[str], given: Mapping[str, Any]) -> Group:
        """Restore the group that to_dict wrote, of columns with these names."""
        scales = tuple(find_scale(scale["type"]).from_dict(scale) for scale in given["scales"])
        return cls(tuple(names), find_missing(given["missing"]["type"]).from_dict(given["missing"]), scales)


@dataclass(frozen=True)
class Encoding:
    """The fitted transforms of all features.

    features: the raw names in order.  categories: the categories of each text feature that is one-hot; codes: what
    makes numbers of each other text feature.  groups: the transforms of the numbers, first of those without settings of
    their own.  indicated: the features with one more input, which is 1 where a number is missing.  bins: those of
    columns of numbers, which are inputs beside the number.
    """

    features: tuple[str, ...]
    categories: Mapping[str, Categories]
    codes: Mapping[str, Code]
    groups: tuple[Group, ...]
    indicated: tuple[str, ...] = ()
    bins: Mapping[str, Bins] = field(default_factory=dict)

    @cached_property
    def places(self) -> dict[str, slice]:
        """The inputs of each feature: those of its numbers, then of their bins, then that which indicates."""
        ends = list(accumulate(map(self._width, self.features), initial=0))
        return {name: slice(*ends[k : k + 2]) for k, name in enumerate(self.features)}

    @property
    def inputs(self) -> int:
        """The number of inputs."""
        return self.places[self.features[-1]].stop

    @property
    def numbers(self) -> tuple[int, ...]:
        """The inputs that are numbers: no categories, and none that says where a number is missing."""
        return tuple(sorted(self.number_places.values()))

    @property
    def coded(self) -> dict[int, int]:
        """How many categories there are for each input that is the code of one."""
        return {self.places[name].start: len(known) for name, known in self.categories.items() if known.coded}

    def _width(self, name: str) -> int:
        if name in self.categories:
            return self.categories[name].inputs
        columns = self.columns_of(name)
        return len(columns) + sum(map(self._bin_count, columns)) + (name in self.indicated)

    def _bin_count(self, column: str) -> int:
        return len(self.bins[column]) if column in self.bins else 0

    @cached_property
    def number_places(self) -> dict[str, int]:
        """The input of each column of numbers."""
        columns = ((name, self.columns_of(name)) for name in self.features)
        return {column: self.places[name].start + k for name, every in columns for k, column in enumerate(every)}

    @cached_property
    def bin_places(self) -> dict[str, slice]:
        """The inputs of the bins of each column of numbers that has some."""
        found: dict[str, slice] = {}
        for feature, place in self.places.items():
            columns = self.columns_of(feature)
            first = place.start + len(columns)
            for column in columns:
                found[column] = slice(first, first := first + self._bin_count(column))
        return {column: found[column] for column in self.bins}

    def columns_of(self, feature: str) -> tuple[str, ...]:
        """Return the columns of numbers that a feature becomes: none if it is one-hot."""
        if feature in self.codes:
            return self.codes[feature].names(feature)
        return () if feature in self.categories else (feature,)

    def apply(self, raw: Raw, rows: RowSelection, dtype: Any) -> np.ndarray:
        """Return the inputs x (N, I) of some rows, C-contiguous."""
        filled = len(self.groups) == 1 and self._plain
        x = (np.empty if filled else np.zeros)((count_of(rows, len(raw.table)), self.inputs), dtype)
        for group in self.groups:
            self._write_numbers(group, raw, rows, x)
        for name, known in self.categories.items():
            known.write(raw.table.texts[name], rows, x[:, self.places[name]])
        return x

    def check(self, raw: Raw) -> None:
        """Refuse texts that are no dates in a column of dates."""
        for name, code in self.codes.items():
            row = code.unknown(raw.table.texts[name]) if code.refusal else None
            if row is not None:
                text = quoted(raw.table.texts[name].original[row])
                raise raw.fault(row, name, f"{text} is {code.refusal}; correct the cell, or leave it empty", None)

    def unseen(self, raw: Raw, rows: RowSelection) -> tuple[str, ...]:
        """Return a warning for each feature with categories, or missing numbers, that training does not have."""
        warnings = [known.warn(raw.table.texts[name], rows, name) for name, known in self.categories.items()]
        warnings += [warning for group in self.groups for warning in self._unseen_holes(group, raw, rows)]
        return tuple(warning for warning in warnings if warning)

    def _unseen_holes(self, group: Group, raw: Raw, rows: RowSelection) -> Iterator[str]:
        """Yield a warning for each column that lacks numbers, as none of the training part does."""
        if not isinstance(group.missing, Indicate):
            return
        whole = [name for name in group.names if self._feature_of[name] not in self.indicated]
        whole = [name for name in whole if self.columns_of(self._feature_of[name])[0] == name]  # once for a date
        columns = Columns(raw, rows, chosen=tuple(whole), codes=self.codes)
        for place, count in enumerate(holes_of(columns) if whole else ()):
            if count:
                name = self._feature_of[whole[place]]
                what, fill = "a number", f" ({group.missing.fill[group.names.index(whole[place])]:.6g})"
                if len(self.columns_of(name)) > 1:
                    what, fill = "a date", ""
                elif name in self.codes:
                    what = "a text of its order"
                yield (
                    f"column {quoted(name)}: {counted(count, 'row')} without {what}, which no training row is; the "
                    f"median stands for it{fill}"
                )

    @cached_property
    def _feature_of(self) -> dict[str, str]:
        """The feature of each column of numbers."""
        return {column: name for name in self.features for column in self.columns_of(name)}

    @property
    def _plain(self) -> bool:
        """Whether each input is a number of the table."""
        return not (self.categories or self.codes or self.indicated or self.bins)

    def affine(self) -> ShiftScale | None:
        """Return shift and scale (I,) if every input is just (feature - shift) / scale, missing numbers apart."""
        if not self._plain or len(self.groups) > 1 or len(self.groups[0].scales) > 1:
            return None
        return self.groups[0].scales[0].affine()

    def _write_numbers(self, group: Group, raw: Raw, rows: RowSelection, x: np.ndarray) -> None:
        columns = Columns(raw, rows, (group.missing,), group.names, self.codes)
        plain = self._plain and len(self.groups) == 1
        inputs = slice(None) if plain else np.array([self.number_places[name] for name in group.names], np.intp)
        marks = self.marks(group)
        binned = [(place, name) for place, name in enumerate(group.names) if name in self.bins]
        first = 0
        with np.errstate(over="ignore", invalid="ignore"):
            for chosen in raw.table.blocks(rows):
                values = columns.given(chosen)
                part = x[first : first + len(values)]
                for position, place in marks:
                    part[:, place] = np.isnan(values[:, position])
                columns.transform(values, chosen)
                for position, name in binned:
                    self.bins[name].write(values[:, position], part[:, self.bin_places[name]])
                for scale in group.scales:
                    scale.apply(values)
                part[:, inputs] = values
                if not np.isfinite(part).all():
                    place, column = np.argwhere(~np.isfinite(part[:, inputs]))[0]
                    raise _too_large(raw, row_at(rows, first + place), group.names[column], x.dtype)
                first += len(values)

    def marks(self, group: Group) -> list[tuple[int, int]]:
        """Return the positions in a group of columns that are indicated, and the inputs that do so."""
        firsts = {self.columns_of(name)[0]: self.places[name].stop - 1 for name in self.indicated}
        return [(position, firsts[name]) for position, name in enumerate(group.names) if name in firsts]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values from which from_dict restores the same encoding, floats bit for bit.

        What only some encodings have is left out where there is none.
        """
        first, *others = self.groups
        rare = {
            "codes": {name: code.to_dict() for name, code in self.codes.items()},
            "fills": {name: known.fill for name, known in self.categories.items() if known.fill is not None},
            "folded": [name for name, known in self.categories.items() if known.folded],
            "compact": [name for name, known in self.categories.items() if known.compact],
            "coded": [name for name, known in self.categories.items() if known.coded],
            "groups": [{"names": group.names, **group.to_dict()} for group in others],
            "indicated": self.indicated,
            "bins": {name: bins.edges for name, bins in self.bins.items()},
        }
        return {
            "features": self.features,
            "categories": {name: known.values for name, known in self.categories.items()},
            **first.to_dict(),
            **{key: value for key, value in rare.items() if value},
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Encoding:
        """Restore the encoding that to_dict wrote."""
        fills, folded = given.get("fills", {}), given.get("folded", ())
        compact, coded = given.get("compact", ()), given.get("coded", ())
        found = cls(
            tuple(given["features"]),
            {
                name: Categories(tuple(values), fills.get(name), name in folded, name in compact, name in coded)
                for name, values in given["categories"].items()
            },
            {name: find_code(code["type"]).from_dict(code) for name, code in given.get("codes", {}).items()},
            tuple(Group.from_dict(group["names"], group) for group in given.get("groups", ())),
            tuple(given.get("indicated", ())),
            {name: Bins(as_tuples(edges)) for name, edges in given.get("bins", {}).items()},
        )
        taken = {name for group in found.groups for name in group.names}
        others = [name for feature in found.features for name in found.columns_of(feature) if name not in taken]
        return replace(found, groups=(Group.from_dict(others, given), *found.groups))


def holes_of(columns: Columns) -> list[int]:
    """Return how many rows lack a number, for each column."""
    if not columns.names or (columns.raw.table.numbers.dtype.kind != "f" and not columns.codes):
        return [0] * len(columns.names)
    table, counts = columns.raw.table, np.zeros(len(columns.names), np.int64)
    if table.stored is None:
        for place, values in columns.among(frozenset(columns.names) - table.complete):
            counts[place] = np.isnan(values).sum()
    else:
        for rows in table.blocks(columns.rows):
            counts += np.isnan(columns.given(rows)).sum(axis=0)
    return counts.tolist()


def _too_large(raw: Raw, row: int, name: str, dtype: np.dtype) -> DataError:
    """Return the error for a number that is infinite, or becomes so once it is scaled and stored."""
    known = raw.table.number_names
    if name not in known:
        return raw.fault(row, name, f"the number that stands for it is too large for {dtype}", "data.columns")
    given = raw.table.block(slice(row, row + 1))[0, known.index(name)]
    what = INFINITE_NUMBER if np.isinf(given) else f"{given:g}, once scaled, is too large for {dtype}; {OTHER_SCALE}"
    return raw.fault(row, name, what, None if np.isinf(given) else "data.scale")


def _too_large_to_fit(columns: Columns, column: int, scale: str) -> DataError:
    """Return the error for a column whose numbers overflow float64 while a scale is fitted."""
    name = columns.names[column]
    _, values = next(iter(columns.among(frozenset((name,)))))
    place = int(np.nanargmax(np.abs(values)))
    what = f'{values[place]:g} is too large for the scale "{scale}"; divide the column by a power of ten'
    return columns.raw.fault(row_at(columns.rows, place), name, what, "data.scale")


def fit_group(columns: Columns, choice: Choice) -> Group:
    """Fit the transforms of a choice to columns of numbers, each after those before it."""
    if choice.missing == "constant":
        fitted: list[Transform] = [constant.Missing.fit(columns, _number(choice.fill))]
    else:
        fitted = [find_missing(choice.missing).fit(columns)]
    for name in [choice.scale] if isinstance(choice.scale, str) else choice.scale:
        fitted.append(find_scale(name).fit(replace(columns, transforms=tuple(fitted))))
        for values in vars(fitted[-1]).values():
            if not np.isfinite(values).all():
                places = np.argwhere(~np.isfinite(np.array(values)))
                raise _too_large_to_fit(columns, int(places[0, 0]), name)
    return Group(columns.names, fitted[0], tuple(fitted[1:]))


def _number(fill: Any) -> float:
    if isinstance(fill, str):
        raise DataError(f"fill is {quoted(fill)}, which is no number; columns of numbers need one", key="data.columns")
    return float(fill or 0)
