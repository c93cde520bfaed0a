"""The confusion table as text: a row for each true class, a column for each predicted class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

MOST_CLASSES = 12  # a larger table does not fit a page
LONGEST_CLASS = 12
GAP = "  "


def confusion_lines(classes: Sequence[Any], counts: Sequence[Sequence[int]] | None, part: str = "") -> Iterator[str]:
    """Yield an empty line, a title and the table; nothing if there is no table, or it is too large."""
    if counts is None or len(classes) > MOST_CLASSES:
        return
    names = [str(name)[:LONGEST_CLASS] for name in classes]
    cells = [[str(count) for count in row] for row in counts]
    rooms = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    first = max(map(len, names))
    yield f"\nconfusion{f' of {part}' if part else ''}: rows are true classes, columns predicted ones"
    for name, row in [("", names), *zip(names, cells, strict=True)]:
        yield GAP.join([f"  {name:<{first}}", *(f"{cell:>{room}}" for cell, room in zip(row, rooms, strict=True))])
