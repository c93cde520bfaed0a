"""The wording of messages about data: quotes, lists and suggests names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from numbann import errors

LONGEST_QUOTE = 40
LONGEST_LIST = 8


def quoted(text: object) -> str:
    """Return the text in double quotes on one line, shortened if it is long; what is not seen stands as its code."""
    text = str(text)
    short = text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 3] + "..."
    told = json.dumps(short, ensure_ascii=False)
    return (
        told if told.isprintable() else "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in told)
    )


def listed(names: Sequence[object]) -> str:
    """Return the first names, quoted, and how many more there are."""
    return shortened([*map(quoted, names)])


def shortened(parts: Sequence[str]) -> str:
    """Return the first parts, and how many more there are."""
    shown = ", ".join(parts[:LONGEST_LIST])
    return shown if len(parts) <= LONGEST_LIST else f"{shown} and {len(parts) - LONGEST_LIST} more"


def short(value: float, digits: int = 5, zeros: bool = False) -> str:
    """Return a number with so many significant digits, a large one without an exponent.  zeros: also at the end."""
    text = f"{value:{'#' * zeros}.{digits}g}".rstrip(".")
    return f"{value:.0f}" if "e+" in text and abs(value) < 1e8 else text


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean "x"?` if a known name is close, else an empty text."""
    return errors.did_you_mean(name, known, quoted)


def counted(number: int, noun: str) -> str:
    """Return `1 row`, `2 rows`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
