"""Tables of cells for a terminal: columns as wide as what they hold, cut where the width does not suffice."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence

from numbann_cli.rows import GAP

WIDTH = 80  # of a table in a file or a pipe
CUT = ".."  # stands for what does not fit
NARROWEST = 8  # characters of a cut cell


def console_width() -> int | None:
    """Return the width of the terminal, or what COLUMNS says; None for a file or a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() or os.environ.get("COLUMNS") else None


def cut(text: str, room: int) -> str:
    """Return a text on one line, its end left out if it is longer than its room."""
    plain = text.replace("\n", " ")
    return plain if len(plain) <= room else plain[: room - len(CUT)] + CUT


def cut_front(text: str, room: int) -> str:
    """Return a text, its beginning left out if it is longer than its room: of a path the end tells more."""
    return text if len(text) <= room else CUT + text[len(CUT) - room :]


def widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the width of each column."""
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def fitted(rooms: Sequence[int], width: int | None) -> list[int]:
    """Return the widths of columns, the widest ones narrowed until a line has this width."""
    found = list(rooms)
    while width is not None and total(found) > width and max(found) > NARROWEST:
        found[found.index(max(found))] -= 1
    return found


def total(rooms: Sequence[int]) -> int:
    """Return the width of a line."""
    return sum(rooms) + len(GAP) * (len(rooms) - 1)


def lines(rows: Sequence[Sequence[str]], rooms: Sequence[int], left: int = 1) -> Iterator[str]:
    """Yield a line for each row; the first columns to the left, the others to the right."""
    for row in rows:
        cells = (
            f"{cut(cell, room):<{room}}" if place < left else f"{cut(cell, room):>{room}}"
            for place, (cell, room) in enumerate(zip(row, rooms, strict=True))
        )
        yield GAP.join(cells).rstrip()
