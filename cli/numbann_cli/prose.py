"""Text for people that wraps at words: paragraphs, and labels with text beside them."""

from __future__ import annotations

import shutil
import textwrap

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
