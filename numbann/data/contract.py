"""What spec and data tell each other: parts, shares and sources of the data, what a format is, and the facts found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numbann.data.files import Files, InputFile
    from numbann.data.reading import Reading
    from numbann.data.table import Raw
    from numbann.data.tasks.task import Task

PARTS = ("train", "validation", "test")
HELD_BACK = PARTS[1:]
DEFAULT_SHARE = 0.15
DELIMITERS = (",", "\t", ";", "|")  # that are found out
MEMBER = ".npz:"
Scale = str | list[str]  # one transform, or several in order


@dataclass(frozen=True)
class Facts:
    """What is known once the data is read: every auto decided.  rows: part -> count; files: (path, SHA-256)."""

    task: Task
    format: str
    delimiter: str | None
    scale: Scale
    stratify: bool
    features: tuple[str, ...]
    inputs: int
    rows: Mapping[str, int] = field(default_factory=dict)
    files: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """A format of data files, by name.

    endings: of the files that are known by them.  pair: the keys of two files, the second of which brings the labels.
    read: the chosen columns of a source, its targets only if needed.  header: the column names of a table, whose
    targets are named; it reads no more of the file than it needs.
    """

    name: str
    endings: tuple[str, ...]
    read: Callable[[Files, Reading, bool], Raw]
    pair: tuple[str, str] | None = None
    header: Callable[[InputFile, Reading], tuple[str, ...]] | None = None


def sources(path: Any) -> dict[str, Any]:
    """The sources that `data.path` names, by their parts; a single source is that of the training part."""
    if isinstance(path, Mapping) and path.keys() & set(PARTS):
        return {part: path.get(part) for part in PARTS if part in path or part == "train"}
    return {"train": path}


def place_of(path: Any, part: str) -> tuple[str, ...]:
    """The keys of the spec that lead to the source of a part."""
    return ("data", "path") if sources(path).get(part) is path else ("data", "path", part)


def shares(path: Any, split: Mapping[str, float | None]) -> dict[str, float]:
    """The share of the rows that each part without a source of its own is given."""
    given = {part: split.get(part) for part in HELD_BACK if part not in sources(path)}
    return {part: DEFAULT_SHARE if share is None else share for part, share in given.items()}


def split_array(name: str) -> tuple[str, str]:
    """The file and the array in it that a name means: "a.npz" and "x" of "a.npz:x"; no array in other names."""
    place = name.lower().rfind(MEMBER)
    end = len(name) if place < 0 else place + len(MEMBER) - 1
    return name[:end], name[end + 1 :]


def as_tuples(value: Any) -> Any:
    """JSON's lists as tuples, at any depth."""
    if isinstance(value, Mapping):
        return {key: as_tuples(item) for key, item in value.items()}
    return tuple(map(as_tuples, value)) if isinstance(value, list | tuple) else value
