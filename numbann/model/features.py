"""What a model knows of each of its columns, in words: what it takes, what training had, what missing cells become."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from numbann.data.columns import MISSING
from numbann.data.encoding import Encoding, Group
from numbann.data.kinds import Lookup
from numbann.data.preprocessing import Preprocessing
from numbann.data.transforms.affine import Affine
from numbann.data.transforms.categories import Categories
from numbann.data.transforms.codes import ordinal, target
from numbann.data.transforms.dated import DateCode
from numbann.data.transforms.filling import Filling
from numbann.data.transforms.scales import minmax, quantile, robust, standard
from numbann.data.wording import listed, short

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
        missing = "is refused" if fill is None else f"{short(fill)}{marked}"
        match encoding.codes.get(name):
            case None:
                yield Feature(name, "number", _held(encoding, group, place, column), missing)
            case ordinal.Coding(order=order):
                if fill is not None and fill in range(len(order)):
                    missing = f'"{order[int(fill)]}"{marked}'
                yield Feature(name, "text in order", listed(order), missing)
            case target.Coding(values=values):
                yield Feature(name, "text", listed([text for text in values if text is not None]), "the mean")
            case DateCode(format=format, held=held) as code:
                known = " to ".join(dict.fromkeys(map(code.text, held[:2])))
                lacking = missing if fill is None else f"the median{marked}"
                yield Feature(name, f"date, {format or '2024-12-31'}", known, lacking)


def _held(encoding: Encoding, group: Group, place: int, column: str) -> str:
    """Return what the scale of a column of numbers tells of those in training."""
    if column in encoding.bins:
        return f"{short(encoding.bins[column].edges[0])} to {short(encoding.bins[column].edges[-1])}"
    scale = group.scales[0] if group.scales else None
    if isinstance(scale, quantile.Scale):
        return f"{short(scale.knots[place][0])} to {short(scale.knots[place][-1])}"
    if not isinstance(scale, Affine):
        return ""
    shift, size = scale.shift[place], scale.scale[place]
    match scale:
        case standard.Scale():
            return f"mean {short(shift)}, deviation {short(size)}"
        case minmax.Scale():
            return f"{short(shift)} to {short(shift + size)}"
        case robust.Scale():
            return f"median {short(shift)}, quartiles {short(size)} apart"
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
