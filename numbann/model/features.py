"""What a model knows of each of its columns, in words: what it takes, what training had, what missing cells become."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from numbann.data.columns import MISSING
from numbann.data.encoding import Encoding, Group
from numbann.data.kinds import Lookup
from numbann.data.preprocessing import Preprocessing
from numbann.data.transforms.affine import Affine
from numbann.data.transforms.categories import Categories
from numbann.data.transforms.codes import cyclic, ordinal, parts, target
from numbann.data.transforms.filling import Filling
from numbann.data.transforms.scales import minmax, quantile, robust, standard
from numbann.data.wording import listed

TITLES = ("column", "takes", "in training", "missing")


class Feature(NamedTuple):
    """A column.  held: what training had, if that is known; missing: what a missing cell becomes."""

    name: str
    takes: str
    held: str
    missing: str


def features_of(preprocessing: Preprocessing) -> list[Feature]:
    """Return what is known of each column, in their order."""
    encoding = preprocessing.encoding
    numbers = {one.name: one for group in encoding.groups for one in _numbers(encoding, group)}
    return [
        _category(name, encoding.categories[name]) if name in encoding.categories else numbers[name]
        for name in encoding.features
    ]


def _numbers(encoding: Encoding, group: Group) -> Iterator[Feature]:
    """Yield the columns of which a group has numbers; for one with codes several times."""
    for place, column in enumerate(group.names):
        name = next((name for name in encoding.codes if column in encoding.columns_of(name)), column)
        fill = group.missing.fill[place] if isinstance(group.missing, Filling) else None
        marked = ", and is marked" * (name in encoding.indicated)
        missing = "is refused" if fill is None else f"{fill:.5g}{marked}"
        match encoding.codes.get(name):
            case None:
                yield Feature(name, "number", _held(encoding, group, place, column), missing)
            case ordinal.Coding(order=order):
                if fill is not None and fill in range(len(order)):
                    missing = f'"{order[int(fill)]}"{marked}'
                yield Feature(name, "text in order", listed(order), missing)
            case target.Coding(values=values):
                yield Feature(name, "text", listed([text for text in values if text is not None]), "the mean")
            case parts.Coding(format=format) | cyclic.Coding(format=format):
                dated = not format or "%y" in format.lower()  # a time of day alone has no date
                held = _days(group, place) if dated and column == encoding.columns_of(name)[-1] else ""
                yield Feature(name, f"date, {format or '2024-12-31'}", held, f"the median{marked}" if fill else missing)


def _days(group: Group, place: int) -> str:
    """Return what the scale of a date's days since 1970 tells of those in training."""
    return _told(group, place, _day, " days")


def _day(days: float) -> str:
    """Return a day, counted from 1970."""
    return str(np.datetime64(round(days), "D"))


def _held(encoding: Encoding, group: Group, place: int, column: str) -> str:
    """Return what the scale of a column of numbers tells of those in training."""
    if column in encoding.bins:
        return f"{_number(encoding.bins[column].edges[0])} to {_number(encoding.bins[column].edges[-1])}"
    return _told(group, place, _number, "")


def _number(value: float) -> str:
    return f"{value:.5g}"


def _told(group: Group, place: int, text: Callable[[float], str], unit: str) -> str:
    """Return what a column's scale tells of its values in training; text: writes one, unit: that of differences."""
    scale = group.scales[0] if group.scales else None
    if isinstance(scale, quantile.Scale):
        return f"{text(scale.knots[place][0])} to {text(scale.knots[place][-1])}"
    if not isinstance(scale, Affine):
        return ""
    shift, size = scale.shift[place], scale.scale[place]
    match scale:
        case standard.Scale():
            return f"mean {text(shift)}, deviation {_number(size)}{unit}"
        case minmax.Scale():
            return f"{text(shift)} to {text(shift + size)}"
        case robust.Scale():
            return f"median {text(shift)}, quartiles {_number(size)}{unit} apart"
    return ""


def _category(name: str, known: Categories) -> Feature:
    """Return what is known of a column of categories."""
    texts = [text for text in known.values if text is not None]
    missing = "all of its inputs are 0"
    if known.fill is not None and Lookup(known.values)(known.fill) != MISSING:
        missing = f'"{known.fill}"'
    elif None in known.values:
        missing = "a category"
    elif known.folded:
        missing = "a category with rare ones"
    return Feature(name, "text", listed(texts), missing)
