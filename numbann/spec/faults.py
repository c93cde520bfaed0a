"""The words of faults: what was given, what is allowed, what was probably meant.  It judges nothing."""

from __future__ import annotations

from collections.abc import Iterable

from numbann import errors
from numbann.spec.trail import Trail, shown

Found = tuple[Trail, str]  # where, and what is wrong


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint at the nearest known word, or nothing."""
    return errors.did_you_mean(word, known, shown)


def not_allowed(value: object, allowed: str) -> str:
    """The message for a value of the wrong type or out of its range."""
    return f"{shown(value)} is not allowed; give {allowed}"


def missing(allowed: str) -> str:
    """The message for a required key that is not there."""
    return f"missing; give {allowed}"


def unknown_key(key: str, known: Iterable[str]) -> str:
    """The message for a key that does not exist."""
    names = list(known)
    return f"unknown key{did_you_mean(key, names)} (known here: {', '.join(names) or 'none'})"
