"""What a spec says of single columns, by name or by a glob such as x_*: `data.columns`, over the defaults of `data`."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import field, fields, replace
from fnmatch import fnmatchcase
from typing import Any

from numbann.data.contract import CATEGORIES, ScaleNames
from numbann.data.wording import quoted
from numbann.errors import DataError
from numbann.records import dataclass

TEXTUAL = ("categories", "order", "dates")  # what only columns of text have, so that numbers become texts


@dataclass(frozen=True)
class Choice:
    """How one column becomes inputs.

    missing, fill: what stands for a missing cell.  categories: "one-hot", "compact", "ordinal" or "target"; rare: the
    fewest training rows of a category of its own.  dates: "parts" or "cyclic", by a format; empty for no date.
    bins: how many a number has, and by what; empty for none.
    """

    scale: ScaleNames = "standard"
    missing: str = "indicate"
    fill: float | str | None = None
    categories: str = "one-hot"
    order: tuple[Any, ...] = ()
    rare: int = 1
    dates: str = ""
    format: str = ""
    bins: Mapping[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The code that makes numbers of texts; empty where categories are inputs."""
        return self.dates or ("" if self.categories in CATEGORIES else self.categories)


USUAL = Choice()
NUMBERS, TEXT, TARGET = "numbers", "text", "target"  # the kinds of columns
TAKEN = {  # by codes with a missing text
    **dict.fromkeys(CATEGORIES, ("mode", "constant", "drop", "error")),
    "target": ("drop", "error"),
}


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
    usual = {"scale": scale, "categories": section["categories"] or "one-hot", "bins": section["bins"] or {}}
    choice = Choice(**{**usual, **given, "order": tuple(given.get("order", ()))})
    filled = "missing" in given or (text and not choice.code)
    return choice if filled else replace(choice, missing=section["missing"])


def choose_all(
    section: Mapping[str, Any], names: Sequence[str], scale: ScaleNames, texts: Container[str]
) -> dict[str, Choice]:
    """Return the choice for each column; those of which the spec says nothing have one in common.  texts: of texts."""
    plain = {**section, "columns": {}}
    usual = {text: choose(plain, "", scale, text) for text in (False, True)}
    named = {name for name in names if any(fits(pattern, name) for pattern in section["columns"])}
    return {
        name: choose(section, name, scale, name in texts) if name in named else usual[name in texts] for name in names
    }


def check_settings(columns: Mapping[str, Mapping[str, Any]], kinds: Mapping[str, str]) -> None:
    """Refuse settings that contradict each other, and those that do nothing.  kinds: NUMBERS, TEXT, TARGET by column.

    A setting by a glob does nothing where it does so in each of its columns.
    """
    for name in kinds if columns else ():
        if fault := _contradiction(settings_of(columns, name)):
            raise DataError(f"column {quoted(name)}: {fault}", key="data.columns")
    for pattern, given in columns.items():
        found = [(name, _idle(settings_of(columns, name), kind)) for name, kind in kinds.items() if fits(pattern, name)]
        for key in (key for key, value in given.items() if value is not None and found):
            if all(key in idle for _, idle in found):
                name, idle = found[0]
                raise DataError(f"column {quoted(name)}: {idle[key]}", key="data.columns")


def _contradiction(given: Mapping[str, Any]) -> str:
    """Return what is wrong with settings that do nothing together, or an empty text."""
    if "fill" in given and given.get("missing") != "constant":
        return 'fill does nothing without "missing": "constant"'
    if "fill" not in given and given.get("missing") == "constant":
        return '"missing": "constant" needs its fill: give "fill": 0, or another number or category'
    if "format" in given and "dates" not in given:
        return 'format does nothing without dates: give "dates": "parts"'
    if "dates" in given and (others := [key for key in ("categories", "rare") if key in given]):
        return f"{others[0]} does nothing with dates; leave one of them out"
    if "rare" in given and given.get("categories", "one-hot") not in CATEGORIES:
        return f'rare does nothing with categories "{given["categories"]}"; leave one of them out'
    from numbann.data.columns import text_of  # here, since it imports NumPy, which `numbann check` does without

    order = [text_of(value) for value in given.get("order", ())]
    if repeated := [text for place, text in enumerate(order) if text in order[:place]]:
        return f"{quoted(repeated[0])} is twice in its order; leave one of them out"
    return ""


def _idle(given: Mapping[str, Any], kind: str) -> dict[str, str]:
    """Return the settings that do nothing for a column of a kind, and what to say of each."""
    if kind == TARGET:
        idle = {key: f"{key} does nothing for the target; leave it out" for key in given if key != "order"}
        if given.get("missing") in TAKEN["target"]:
            idle.pop("missing")
        return idle | {"scale": "scale does nothing for the target; set data.target_scale"}
    if kind == NUMBERS:
        what = 'rare folds categories, and this column holds numbers; add "categories": "one-hot", or leave it out'
        return {"rare": what}
    idle, code = {}, given.get("dates") or given.get("categories", "one-hot")
    if code in CATEGORIES:
        idle["scale"] = "scale does nothing for categories, which are inputs of 0 and 1; leave it out"
        idle["bins"] = "bins are for numbers, and this column holds categories; leave them out"
    if code in TAKEN and given.get("missing") not in TAKEN[code]:
        names = ", ".join(f'"{name}"' for name in TAKEN[code])
        what = f'"missing": {quoted(given.get("missing"))} does nothing for categories, of which a missing text is one'
        idle["missing"] = f"{what}; leave it out, or give one of {names}"
    return idle


def unknown_patterns(patterns: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """Yield the keys of data.columns that mean none of these columns."""
    return (pattern for pattern in patterns if not any(fits(pattern, name) for name in names))
