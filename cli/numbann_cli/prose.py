"""Text for people that wraps at words: paragraphs, and labels with text beside them."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator
from typing import Any

WIDEST = 100  # characters of a line of text, however wide the terminal is
LABEL = 10  # characters of a label with the space behind it
INDENT = "  "
NO_BREAK = "\xa0"  # a space at which no line ends


def columns() -> int:
    """Return the width of the terminal; in a file there is room for pictures side by side."""
    return shutil.get_terminal_size((200, 24)).columns


def wrap(text: str, width: int, first: str = INDENT, others: str = INDENT) -> str:
    """Wrap a paragraph, its first line and the others indented; a wider word, such as an address, stays whole."""
    filled = textwrap.fill(
        text,
        min(width, WIDEST),
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return filled.replace(NO_BREAK, " ")


def labelled(label: str, text: str, width: int, beside: int = LABEL) -> str:
    """Return a label and the text beside it, aligned with those of other labels."""
    return wrap(text, width, f"{INDENT}{label:<{beside}}", INDENT + " " * beside)


def json_lines(value: Any, width: int | None, lead: str = "") -> Iterator[str]:
    """Yield a value as JSON behind a lead, in more lines than one where that is wider than it may be."""
    whole = lead + json.dumps(value, ensure_ascii=False)
    if width is None or len(whole) <= width or not isinstance(value, dict | list) or not value:
        yield whole
        return
    named = value.items() if isinstance(value, dict) else (("", inner) for inner in value)
    yield lead + ("{" if isinstance(value, dict) else "[")
    for place, (key, inner) in enumerate(named, 1):
        comma = "," if place < len(value) else ""
        *lines, last = json_lines(inner, width - len(INDENT) - 1, f"{json.dumps(key)}: " if key else "")
        yield from (INDENT + line for line in (*lines, last + comma))
    yield "}" if isinstance(value, dict) else "]"
