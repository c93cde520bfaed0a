"""What a check says: passed, failed, a warning, or not checked.  It checks nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PASSED, FAILED, WARNING, SKIPPED = "passed", "failed", "warning", "skipped"


@dataclass(frozen=True)
class Finding:
    """The outcome of one check: a sentence, and where something is wrong file:line and what to do."""

    check: str
    state: str
    message: str
    place: str = ""
    remedy: str = ""

    @property
    def failed(self) -> bool:
        """Whether the component must not be used as it is."""
        return self.state == FAILED

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        return f"{self.check}: {place}{self.message}" + (f"; {self.remedy}" if self.remedy else "")


class Fault(Exception):
    """Raised by a check: what is wrong, where, and the remedy."""

    state = FAILED

    def __init__(self, message: str, place: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message, self.place, self.remedy = message, place, remedy

    def finding(self, check: str) -> Finding:
        """The finding of the check that raised this."""
        return Finding(check, self.state, self.message, self.place, self.remedy)


class Doubt(Fault):
    """Raised by a check for what may be meant so."""

    state = WARNING


class Unchecked(Fault):
    """Raised by a check that does not apply here."""

    state = SKIPPED


def spot_of(function: Callable[..., Any]) -> str:
    """file:line of a function; of a derived one, those of the function that it was derived from."""
    derived = re.fullmatch(r"<.* derived from (.*)>", function.__code__.co_filename)
    return derived[1] if derived else f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}"
