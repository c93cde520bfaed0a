"""Places in a spec: `model.layers[1].units` as text, ("model", "layers", 1, "units") as a trail."""

from __future__ import annotations

import re

from numbann.errors import shown

Trail = tuple[str | int, ...]
Found = tuple[Trail, str]  # where, and what is wrong

_PLAIN = re.compile(r"[\w$-]+")
_STEP = re.compile(r"(?:^|(?<=.)\.)([\w$-]+)|\[([0-9]{1,9})\]")


def to_text(trail: Trail) -> str:
    """Return the trail as text; a key that is not a plain word is quoted."""
    keys = (part if isinstance(part, int) or _PLAIN.fullmatch(part) else shown(part) for part in trail)
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")


def from_text(text: str) -> Trail | None:
    """Parse a text to a trail; None if it is not a path."""
    steps: list[str | int] = []
    position = 0
    while position < len(text):
        step = _STEP.match(text, position)
        if step is None:
            return None
        steps.append(step[1] if step[1] is not None else int(step[2]))
        position = step.end()
    return tuple(steps) or None
