"""The bounds of numbers that a parameter's annotation may set: how each is tested, and said."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from annotated_types import Ge, Gt, Le, Lt

from numbann.records import dataclass

COMPARISONS = {
    Gt: ("gt", ">", "above", "exclusiveMinimum", operator.gt),
    Ge: ("ge", ">=", "at least", "minimum", operator.ge),
    Lt: ("lt", "<", "below", "exclusiveMaximum", operator.lt),
    Le: ("le", "<=", "at most", "maximum", operator.le),
}


@dataclass(frozen=True)
class Bound:
    """One bound: its comparison as a sign, in words, and as a keyword of JSON Schema."""

    number: float
    sign: str
    words: str
    keyword: str
    _holds: Callable[[float, float], bool]

    def holds(self, value: float) -> bool:
        """Whether a value is on the right side."""
        return self._holds(value, self.number)


def bounds_among(constraints: Iterable[Any]) -> Iterator[Bound]:
    """Yield the bounds among constraints of annotated-types."""
    for constraint in constraints:
        if type(constraint) in COMPARISONS:
            field, sign, words, keyword, holds = COMPARISONS[type(constraint)]
            yield Bound(getattr(constraint, field), sign, words, keyword, holds)
