"""Checks of a spec's data beyond the type of a single key: input files exist, shares add up, lists of columns agree.

Values of the wrong type are skipped here, since building.py reports them.  Of a table, only the header is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from numbann.data.contract import HELD_BACK, PARTS, SPLIT_KEYS, Format, place_of, shares, sources
from numbann.data.path import find_source, source_faults, source_format
from numbann.data.readers import FORMATS
from numbann.data.tasks import SEVERAL
from numbann.errors import DataError, shown, unknown_key
from numbann.spec.model import Data, to_json
from numbann.spec.trail import Found


def check_data(raw: dict[str, Any], base: Path) -> Iterator[Found]:
    """Find the faults of the raw spec's `data` that concern several keys or the disk."""
    data = raw.get("data")
    if not isinstance(data, dict):
        return
    if data.get("path") is not None:
        yield from _sources(data, base)
    yield from _target(data, base)
    yield from _shares(data)
    yield from _columns(data)


def check_header(data: Data, base: Path) -> Iterator[Found]:
    """Find the columns that a checked spec names and its training table lacks, by the header alone."""
    from numbann.data.reading import column_faults, reading_from_section  # here, since only `numbann check` needs it

    try:
        files = find_source(sources(data.path)["train"], base, data.format, ".".join(place_of(data.path, "train")))
        if files.format.header is not None:
            reading = reading_from_section(to_json(data))
            names = files.format.header(files.data, reading)
            for key, message in column_faults(reading, names, files.data.name):
                yield tuple((key or "data").split(".")), message
    except DataError as error:
        yield tuple((error.key or "data").split(".")), str(error)


def _sources(data: dict[str, Any], base: Path) -> Iterator[Found]:
    """Find sources that are not valid, and files that do not exist."""
    path, format = data["path"], _format(data)
    for part, source in sources(path).items():
        place = place_of(path, part)
        for keys, message in source_faults(source, base, format):
            yield (*place, *keys), message
    if isinstance(path, dict) and "train" in path:
        yield from ((("data", "path", key), unknown_key(key, PARTS)) for key in path if key not in PARTS)


def _format(data: dict[str, Any]) -> str:
    """Return the format given, or "auto" in place of an unknown one."""
    format = data.get("format")
    return format if isinstance(format, str) and format in FORMATS else "auto"


def _target(data: dict[str, Any], base: Path) -> Iterator[Found]:
    """Require a target for a table; refuse target and format where the path already includes them."""
    target = data.get("target")
    formats = list(_formats(data, base))
    if formats and _format(data) not in ("auto", *(format.name for format in formats)):
        yield ("data", "format"), f"data.path is {shown(formats[0].name)}; leave it out"
    if any(format.pair for format in formats) and target is not None:
        yield ("data", "target"), "the labels come with the path; leave it out"
    if any(format.header for format in formats):
        if target is None:
            yield ("data", "target"), "missing; name the column to predict, or a list of columns"
        if isinstance(target, str) and (several := SEVERAL.get(str(data.get("task")))):
            yield ("data", "target"), f"{data['task']} is for {several}; give a list of columns"


def _formats(data: dict[str, Any], base: Path) -> Iterator[Format]:
    """Yield the format of each source that has one."""
    for source in sources(data.get("path")).values():
        with suppress(DataError):  # of a file that cannot be read, which _sources reports
            found = source_format(source, base, _format(data))
            yield from [] if found is None else [found]


def _shares(data: dict[str, Any]) -> Iterator[Found]:
    """Refuse a share for a part that has a source of its own, and shares that leave no rows to train on."""
    split = data.get("split", {})
    if not isinstance(split, dict):
        return
    path = data.get("path")
    for part in HELD_BACK:
        if part in sources(path) and split.get(part) is not None:
            yield ("data", "split", part), f"data.path names a {part} part already; leave this share out"
    named = [key for key in SPLIT_KEYS if split.get(key) is not None]
    for other in named[1:]:
        yield ("data", "split", other), f"the rows are split as data.split.{named[0]} says; give one of the two"
    if "column" in named:
        for part in (part for part in HELD_BACK if split.get(part) is not None):
            yield ("data", "split", part), "split.column says which rows are held back; leave this share out"
    held = {
        part: share for part, share in shares(path, split).items() if type(share) in (int, float) and 0 <= share < 1
    }
    if (total := sum(held.values())) >= 1:
        told = " and ".join(
            f"{part} {share:g}{'' if part in split else ' (the default)'}" for part, share in held.items()
        )
        yield ("data", "split"), f"{told} hold back {total:g} of the rows; hold back less than 1 in all"


def _columns(data: dict[str, Any]) -> Iterator[Found]:
    """Refuse a column that is listed twice, or in two lists that contradict each other."""
    lists = {key: _names(data.get(key)) for key in ("target", "features", "drop", "categorical", "weight", "group")}
    for key, names in lists.items():
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield ("data", key), f"{shown(name)} is listed twice; list it once"
    for key, others in (
        ("features", ("target",)),
        ("drop", ("target", "features")),
        ("categorical", ("drop",)),
        ("weight", ("target", "features", "drop", "categorical")),
        ("group", ("target", "features", "categorical", "weight")),
    ):
        for other in others:
            for name in sorted(set(lists[key]) & set(lists[other])):
                yield ("data", key), f"{shown(name)} is in data.{other} too; leave it out of one of them"


def _names(value: Any) -> list[str]:
    return [name for name in (value if isinstance(value, list) else [value]) if isinstance(name, str)]
