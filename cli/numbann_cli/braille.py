"""Draws lines as braille, of which a character has 2 by 4 dots: solid ones, and dotted ones that need no colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite, log10

from numbann.records import dataclass

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # the bit of a dot, by its row and column
BLANK = 0x2800
HEIGHT = 11
LABEL = 9  # characters of a number beside the axis, and the space after it
WIDE = 30.0  # the ratio of the largest value to the smallest from which the axis is logarithmic


@dataclass(frozen=True)
class Line:
    """Values over 1, 2, 3, ...; None where there is none.  dotted: for the line that matters less."""

    y: Sequence[float | None]
    dotted: bool = False


def draw(title: str, lines: Sequence[Line], axis: str, width: int) -> list[str]:
    """Return lines of text, `width` characters at most: the title, the lines within two numbers, and the axis."""
    values = [y for line in lines for y in line.y if y is not None and isfinite(y)]
    if not values:
        return [title, f"{'':{LABEL}}no value is finite"]
    low, high = min(values), max(values)
    logarithmic = low > 0 and high > WIDE * low
    count, across, down = max(len(line.y) for line in lines), 2 * (width - LABEL), 4 * HEIGHT
    bottom, top = (log10(low), log10(high)) if logarithmic else (low, high)

    def place(number: int, y: float) -> tuple[int, int]:
        share = ((log10(y) if logarithmic else y) - bottom) / ((top - bottom) or 1.0)
        return round(number * (across - 1) / max(1, count - 1)), round((1 - share) * (down - 1))

    cells = [[0] * (width - LABEL) for _ in range(HEIGHT)]
    for line in lines:
        points = [place(k, y) if y is not None and isfinite(y) else None for k, y in enumerate(line.y)]
        for x, y in _dots(points):
            if not line.dotted or x % 4 < 2:
                cells[y // 4][x // 2] |= DOTS[y % 4][x % 2]
    told = {0: f"{high:.4g}", HEIGHT - 1: f"{low:.4g}"}
    plot = [
        f"{told.get(k, ''):>{LABEL - 1}} " + "".join(chr(BLANK + cell) if cell else " " for cell in row)
        for k, row in enumerate(cells)
    ]
    ends = f"{axis}: 1{count:>{width - LABEL - len(axis) - 3}}"
    return [title + " (logarithmic)" * logarithmic, *map(str.rstrip, plot), f"{'':{LABEL}}{ends}"]


def mark(place: int, count: int, text: str, width: int) -> str:
    """Return a line with a mark under a place of the axis, and a text beside it, to the side where there is room."""
    column = LABEL + round((place - 1) * (2 * (width - LABEL) - 1) / max(1, count - 1)) // 2
    right = f"{'':{column}}^ {text}"
    return right if len(right) <= width else f"{text + ' ^':>{column + 1}}"


def _dots(points: Sequence[tuple[int, int] | None]) -> Iterator[tuple[int, int]]:
    """Yield the dots of the points, and of the lines between neighbours."""
    before = None
    for point in points:
        if point is not None:
            yield point
            if before is not None:
                (x, y), (right, below) = before, point
                steps = max(abs(right - x), abs(below - y), 1)
                yield from ((x + (right - x) * k // steps, y + (below - y) * k // steps) for k in range(steps))
        before = point
