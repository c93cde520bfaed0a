"""What a model's file says of the model: a page of its own, and the columns for the page of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

from numbann.data.preprocessing import Preprocessing
from numbann.data.wording import shortened
from numbann.model.features import TITLES, features_of
from numbann.model.file import KIND, usable
from numbann.model.preprocessing import restore_preprocessing
from numbann.model.schema import schema_of
from numbann.model.tensor_file import read_header
from numbann_cli.grid import console_width, fitted, lines, widths

MOST_COLUMNS = 30  # on a page
WIDEST = 60  # characters of a cell


def read(path: Path) -> tuple[Mapping[str, Any], Preprocessing, int]:
    """Read the spec and the preprocessing of a model's file, and how many numbers it holds; none of its components."""
    metadata, shapes = read_header(path, KIND)
    with usable(path):
        return metadata["spec"], restore_preprocessing(metadata["preprocessing"]), sum(map(prod, shapes.values()))


def schema(path: Path) -> dict[str, Any]:
    """Return the schema of a model's file, but for the units of what its loss gives."""
    return schema_of(read(path)[1], {})


def page(path: Path, preprocessing: Preprocessing, numbers: int, settings: list[str]) -> str:
    """Return the page of a model's file.  settings: lines of its network and training."""
    head = [f"file       {path}, {numbers} numbers", f"task       {preprocessing.task.name}", *settings]
    return "\n".join([*head, *target_lines(preprocessing), "", *column_lines(preprocessing)])


def target_lines(preprocessing: Preprocessing) -> Iterator[str]:
    """Yield a line for the targets, and for the classes if there are any."""
    task = preprocessing.task
    yield f"{'targets' if len(task.names) > 1 else 'target':<10} {shortened(task.names)}"
    if task.classes_or_pairs:
        names = (" or ".join(map(str, one)) if isinstance(one, tuple) else str(one) for one in task.classes_or_pairs)
        yield f"classes    {shortened(list(names))}"


def column_lines(preprocessing: Preprocessing) -> Iterator[str]:
    """Yield a table of the columns that a model takes."""
    found = features_of(preprocessing)
    rows = [TITLES, *found[:MOST_COLUMNS]]
    rooms = fitted([min(WIDEST, room) for room in widths(rows)], console_width())
    yield from lines(rows, rooms, left=len(TITLES))
    if len(found) > MOST_COLUMNS:
        yield f"... {len(found) - MOST_COLUMNS} more"
