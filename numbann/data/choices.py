"""What a spec says of single columns, by name or by a glob such as x_*: `data.columns`, over the defaults of `data`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from typing import Any

from numbann.data.contract import ScaleNames

TEXTUAL = ("categories", "order", "rare", "dates")  # what only columns of text have, so that numbers become texts


@dataclass(frozen=True)
class Choice:
    """How one column becomes inputs.

    missing, fill: what stands for a missing cell.  categories: "one-hot", "ordinal" or "target"; rare: the fewest
    training rows of a category of its own.  dates: "parts" or "cyclic", by a format; empty for no date.
    """

    scale: ScaleNames = "standard"
    missing: str = "indicate"
    fill: float | str | None = None
    categories: str = "one-hot"
    order: tuple[Any, ...] = ()
    rare: int = 1
    dates: str = ""
    format: str = ""

    @property
    def code(self) -> str:
        """The code that makes numbers of texts; empty for one-hot."""
        return self.dates or ("" if self.categories == "one-hot" else self.categories)


USUAL = Choice()


def fits(pattern: str, name: str) -> bool:
    """Tell whether a key of data.columns means a column."""
    return pattern == name or fnmatchcase(name, pattern)


def settings_of(columns: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, Any]:
    """Return what the spec says of a column: by its name, else by the globs, of which a later one wins."""
    keys = sorted((key for key in columns if fits(key, name)), key=lambda key: key == name)
    found = {key: value for pattern in keys for key, value in columns[pattern].items() if value is not None}
    return {"categories": "ordinal", **found} if "order" in found else found


def choose(section: Mapping[str, Any], name: str, scale: ScaleNames, text: bool) -> Choice:
    """Return the choice for a column.  section: the spec's `data`; text: it holds texts.

    What the section says of missing numbers does not touch categories, of which a missing one is a category.
    """
    found = settings_of(section["columns"], name)
    given = {one.name: found[one.name] for one in fields(Choice) if one.name in found}
    choice = Choice(**{"scale": scale, **given, "order": tuple(given.get("order", ()))})
    filled = "missing" in given or (text and not choice.code)
    return choice if filled else replace(choice, missing=section["missing"])


def contradiction(given: Mapping[str, Any]) -> str:
    """Return what is wrong with settings that do nothing together, or an empty text."""
    if "fill" in given and given.get("missing") != "constant":
        return 'fill does nothing without "missing": "constant"'
    if "format" in given and "dates" not in given:
        return 'format does nothing without dates: give "dates": "parts"'
    if "dates" in given and (others := [key for key in ("categories", "rare") if key in given]):
        return f"{others[0]} does nothing with dates; leave one of them out"
    if "rare" in given and given.get("categories", "one-hot") != "one-hot":
        return f'rare does nothing with categories "{given["categories"]}"; leave one of them out'
    return ""


def unknown_patterns(patterns: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """Yield the keys of data.columns that mean none of these columns."""
    return (pattern for pattern in patterns if not any(fits(pattern, name) for name in names))
