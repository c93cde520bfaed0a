"""The canvas of pictures: an empty figure in one style, colours that everybody can tell apart, and its file."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

# Okabe and Ito 2008, https://jfly.uni-koeln.de/color/: told apart by the colour-blind; without yellow, pale on white
BLUE, RED, GREEN, ORANGE, PINK, SKY, BLACK = COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#000000"),
)
DASHES = ("-", "--", ":", "-.")
GREY = "#767676"
SHADES, SIGNED = "cividis", "PuOr"  # of counts and shares; of numbers above and below 0
STYLE = {
    "font.size": 10.5,
    "font.family": ["DejaVu Sans", "sans-serif"],
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.6,
    "legend.edgecolor": "none",
    "legend.framealpha": 0.85,
    "legend.fontsize": 9.5,
    "legend.title_fontsize": 9.5,
    "figure.facecolor": "white",
    "svg.hashsalt": "numbann",
    "text.parse_math": False,  # a name may have dollars
}
NARROW = 6.4
WIDTH = 8.0  # inches: 800 pixels of a page; text is 14 of them tall
DPI = 150
LONGEST = 24  # characters of a name beside a picture
NUMBER = "{x:g}"  # of a logarithmic axis, without mathematical signs
ENDINGS = ("png", "svg", "pdf")


def check_matplotlib(option: str) -> None:
    """Raise a usage error that names the extra if matplotlib is missing.  option: what needs it."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise click.UsageError(f'{option} needs matplotlib: pip install "numbann[plot]"') from None


@contextmanager
def styled() -> Iterator[None]:
    """Draw and write in the style; a name in a script that the font lacks is no fault of whoever draws it."""
    from matplotlib import rc_context

    with rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def figure(height: float, width: float = WIDTH) -> Any:
    """Return an empty figure.  height, width: in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def panels(count: int, across: int, height: float) -> tuple[Any, list[Any]]:
    """Return a figure and its axes, a row of so many at most; of two a row, an odd one stands alone above the others.

    height: of a row.
    """
    across = min(across, count)
    down = -(-count // across)
    made = figure(height * down, WIDTH if across > 1 else NARROW)
    grid = made.add_gridspec(down, across)
    places = [grid[k // across, k % across] for k in range(down * across)]
    if across == 2 and count % 2:
        places = [grid[0, :], *places[2:]]
    return made, [made.add_subplot(place) for place in places[:count]]


def named(text: object, longest: int = LONGEST) -> str:
    """Return a name on one line, shortened."""
    line = _line(text)
    return line if len(line) <= longest else _cut(line, longest, 0)


def distinct(texts: Iterable[object], longest: int = LONGEST) -> list[str]:
    """Return names as `named` does, shortened at the end, or in the middle, or numbered, so that each is another."""
    lines = [_line(text) for text in texts]
    for tail in (0, longest // 3, longest // 2):
        short = [line if len(line) <= longest else _cut(line, longest, tail) for line in lines]
        if len(set(short)) == len(set(lines)):
            return short
    return [_cut(f"{k}: {line}", longest, 0) for k, line in enumerate(lines, start=1)]


def _line(text: object) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in str(text))


def _cut(line: str, longest: int, tail: int) -> str:
    head = line[: longest - 1 - tail].rstrip()
    return f"{head}\N{HORIZONTAL ELLIPSIS}{line[len(line) - tail :].lstrip()}"


def line_style(place: int) -> dict[str, str]:
    """Return colour and dashes of one of several lines."""
    return {"color": COLOURS[place % len(COLOURS)], "linestyle": DASHES[place // len(COLOURS) % len(DASHES)]}


def bounds(values: Sequence[float]) -> tuple[float, float]:
    """Return limits of an axis that leave some room around values."""
    low, high = min(values), max(values)
    room = 0.05 * (high - low or abs(high) or 1.0)
    return low - room, high + room


def save(made: Any, path: Path, option: str = "-o") -> None:
    """Write a figure; a usage error if the file cannot be written or its ending is no format of pictures."""
    try:
        with styled():
            made.savefig(path, dpi=DPI, metadata={"Date": None} if path.suffix == ".svg" else None)
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{option} {path}: {getattr(error, 'strerror', None) or error}") from None


def as_svg(made: Any) -> str:
    """Return a figure as SVG, whose letters are shapes, so that it looks the same everywhere."""
    text = io.StringIO()
    with styled():
        made.savefig(text, format="svg", dpi=DPI, metadata={"Date": None})
    return text.getvalue()
