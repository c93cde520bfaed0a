"""Draws series as text."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from math import isfinite

from numbann_cli.series import Series

WIDTH, HEIGHT = 49, 11
LABELS = 8  # characters to the left of a plot


def curves(series: Sequence[Series], room: int | None = None) -> str:
    """Draw series side by side, or one below the other, and narrower, if they do not fit the width, `room`."""
    room = room or shutil.get_terminal_size((200, 24)).columns
    pictures = [picture(one, width=min(WIDTH, room - LABELS)) for one in series]
    if len(series) * (WIDTH + LABELS + 4) > room:
        return "\n\n".join("\n".join(line.rstrip() for line in lines) for lines in pictures)
    rows = zip(*pictures, strict=True)
    return "\n".join("".join(f"{cell:<{WIDTH + LABELS + 4}}" for cell in row).rstrip() for row in rows)


def picture(series: Series, base: float | None = 0.0, width: int = WIDTH) -> list[str]:
    """Draw one series: a title, the plot with its extremes, and the axis.  base: a height that the plot includes."""
    columns = _columns(series.y, width)
    finite = [height for height in columns if isfinite(height)] + ([] if base is None else [base])
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    scale = (HEIGHT - 1) / ((high - low) or 1.0)
    rows = [round((high - height) * scale) if isfinite(height) else -1 for height in columns]
    zero = round(high * scale) if low <= 0 <= high else -1
    middle = width // 2 if series.x[0] < 0 < series.x[-1] else -1
    lines = ["".join(_mark(row, column, rows, zero, middle) for column in range(width)) for row in range(HEIGHT)]
    labels = {0: f"{high:.3g}", HEIGHT - 1: f"{low:.3g}", zero: "0"}
    plot = [f"{labels.get(row, ''):>{LABELS - 1}} {line}" for row, line in enumerate(lines)]
    axis = [f"{'':{LABELS}}{line}" for line in _axis(series, width)]
    return [f"{'':{LABELS}}{series.title}", *plot, *axis]


def _axis(series: Series, width: int) -> list[str]:
    """Return the name of the axis and its ends; the name has lines of its own where there is no room beside them."""
    left, right = f"{series.axis}: {series.x[0]:.3g}", f"{series.x[-1]:.3g}"
    if len(left) + len(right) < width:
        return [f"{left}{right:>{width - len(left)}}"]
    ends = f"{series.x[0]:.3g}"
    return [f"{ends}{right:>{width - len(ends)}}", *textwrap.wrap(series.axis, width)]


def column_of(index: int, count: int) -> int:
    """Return the column of a point."""
    return round(index * (WIDTH - 1) / (count - 1))


def _columns(y: Sequence[float], width: int) -> list[float]:
    """Return a height for each column."""
    return [y[round(column * (len(y) - 1) / (width - 1))] for column in range(width)]


def _mark(row: int, column: int, rows: Sequence[int], zero: int, middle: int) -> str:
    if row == rows[column]:
        return "*"
    if column == middle:
        return "|"
    return "-" if row == zero else " "
