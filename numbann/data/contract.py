"""The contract of spec and data: parts, shares and sources of the data, formats, and the facts found in the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from numbann.records import dataclass

if TYPE_CHECKING:
    from numbann.data.files import Files, InputFile
    from numbann.data.findings.finding import Finding
    from numbann.data.reading import Reading
    from numbann.data.table import Raw
    from numbann.data.tasks.task import Task

PARTS = ("train", "validation", "test")
HELD_BACK = PARTS[1:]
DEFAULT_SHARE = 0.15
SPLIT_KEYS = ("by", "group", "column")  # the keys of data.split that name a column
DELIMITERS = (",", "\t", ";", "|")  # the candidates for "auto"
MEMBER = ".npz:"
GIVEN = "<data>"  # stands for a path where the rows are given in Python
FITTED = "the rows of fit"  # the origin of the columns of a model that an estimator's fit has trained, and no spec
CATEGORIES = ("one-hot", "compact")  # the ways in which categories are inputs, of 0 and 1 or of -1 and 1
CODED = "coded"  # beside a spec's `data`: the most categories of a column that is no code; without it none is
ScaleNames = str | list[str]  # one transform, or several in order


@dataclass(frozen=True)
class Facts:
    """Everything known once the data is read, with every "auto" resolved.

    rows: part -> number of rows; files: (path, SHA-256); notes: lines for the user; findings: what he should know.
    """

    task: Task
    format: str
    delimiter: str | None
    scale: ScaleNames
    stratify: bool
    features: tuple[str, ...]
    inputs: int
    rows: Mapping[str, int] = field(default_factory=dict)
    files: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Format:
    """A format of data files.

    endings: the file endings that identify it.
    pair: the two keys of a source of two files, features and labels.
    read: reads the chosen columns of a source, its targets only if needed.
    header: for tables, returns the names of the columns and reads as little of the file as possible.
    delimiters: for tables of text, the candidates where the spec leaves the delimiter open.
    """

    name: str
    endings: tuple[str, ...]
    read: Callable[[Files, Reading, bool], Raw]
    pair: tuple[str, str] | None = None
    header: Callable[[InputFile, Reading], tuple[str, ...]] | None = None
    delimiters: tuple[str, ...] = ()


def sources(path: Any) -> dict[str, Any]:
    """Return the sources that `data.path` names, by part; a single source is the training part's."""
    if isinstance(path, Mapping) and path.keys() & set(PARTS):
        return {part: path.get(part) for part in PARTS if part in path or part == "train"}
    return {"train": path}


def place_of(path: Any, part: str) -> tuple[str, ...]:
    """Return the keys of the spec that lead to the source of a part."""
    return ("data", "path") if sources(path).get(part) is path else ("data", "path", part)


def keys_of_split(split: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the columns that a split goes by."""
    return tuple(split[key] for key in SPLIT_KEYS if split.get(key) is not None)


def split_of(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return the split of a `data` object; without a column of its own, it goes by the groups of batches."""
    split = dict(section["split"])
    return split if keys_of_split(split) else {**split, "group": section.get("group")}


def shares(path: Any, split: Mapping[str, Any]) -> dict[str, float]:
    """Return the share of rows for each part that has no source of its own; none where a column tells the part."""
    if split.get("column") is not None:
        return {}
    given = {part: split.get(part) for part in HELD_BACK if part not in sources(path)}
    return {part: DEFAULT_SHARE if share is None else share for part, share in given.items()}


def split_array(name: str) -> tuple[str, str]:
    """Split a name into file and array: "a.npz:x" gives "a.npz" and "x"; other names give an empty array name."""
    place = name.lower().rfind(MEMBER)
    end = len(name) if place < 0 else place + len(MEMBER) - 1
    return name[:end], name[end + 1 :]


def as_tuples(value: Any) -> Any:
    """Convert lists to tuples, at any depth."""
    if isinstance(value, Mapping):
        return {key: as_tuples(item) for key, item in value.items()}
    return tuple(map(as_tuples, value)) if isinstance(value, list | tuple) else value
