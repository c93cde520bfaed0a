"""The findings of checks: passed, failed, a warning, or not checked."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from numbann.records import dataclass

PASSED, FAILED, WARNING, SKIPPED = "passed", "failed", "warning", "skipped"
DERIVED = re.compile(r"<.* derived from (.*)>")  # the file of a function that numbann.derivation has made


@dataclass(frozen=True)
class Finding:
    """The result of one check: a sentence and, for a fault, its place, file:line, and its remedy."""

    check: str
    state: str
    message: str
    place: str = ""
    remedy: str = ""

    @property
    def failed(self) -> bool:
        """Whether the check has failed; the component should not be used then."""
        return self.state == FAILED

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        return f"{self.check}: {place}{self.message}" + (f"; {self.remedy}" if self.remedy else "")


class Fault(Exception):
    """A fault that a check has found: what is wrong, where, and the remedy."""

    state = FAILED

    def __init__(self, message: str, place: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message, self.place, self.remedy = message, place, remedy

    def finding(self, check: str) -> Finding:
        """The finding of the check that raised this."""
        return Finding(check, self.state, self.message, self.place, self.remedy)


class Doubt(Fault):
    """What may be a fault, or may be intended: a warning."""

    state = WARNING


class Unchecked(Fault):
    """The reason why a check was not done."""

    state = SKIPPED


def spot_of(function: Callable[..., Any]) -> str:
    """file:line of a function; for a derived function, of the one that it was derived from."""
    derived = DERIVED.fullmatch(function.__code__.co_filename)
    return derived[1] if derived else f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}"


def is_derived(function: Callable[..., Any]) -> bool:
    """Whether numbann has derived a function, instead of an author."""
    return DERIVED.fullmatch(function.__code__.co_filename) is not None
