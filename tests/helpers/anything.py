"""JSON that says anything: a value with each of its parts replaced, in turn, by values that fit nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

TEXTS = ["", "x", "../../etc/passwd", "/dev/zero", "evil.py", "\x00", "\x1b[31m", "numbann", "relu", "auto"]
NUMBERS = [True, -1, 0, 1, 2**31, 2**63, 10**400, 1e308, -0.0, float("nan"), float("inf")]
VALUES: list[Any] = [None, *NUMBERS, *TEXTS, [], {}, [[]], [None], ["evil.py"], {"a": 1}, [1] * 5, "__import__('os')"]
DEEP = json.loads("[" * 900 + "]" * 900)
GONE = object()


def variants(value: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """The places within a value and what stands there instead; `changed` makes the change."""
    return [(trail, new) for trail in _trails(value) if trail for new in (GONE, DEEP, *VALUES)]


def changed(value: Any, trail: tuple[Any, ...], new: Any) -> Any:
    """A copy of a value with another one in a place."""
    copy = json.loads(json.dumps(value))
    place = copy
    for key in trail[:-1]:
        place = place[key]
    if new is GONE:
        del place[trail[-1]]
    else:
        place[trail[-1]] = new
    return copy


def _trails(value: Any, trail: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all parts of a value, of a list's first three."""
    yield trail
    inner = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    for key, part in inner:
        yield from _trails(part, (*trail, key))
