"""A finding: one line about a column, the target or the parts."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """What was found.  kind: its name for programs; column: "" for none of its own; text: a line with the remedy."""

    kind: str
    column: str
    text: str
