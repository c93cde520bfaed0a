"""What one key of the spec takes: a test, and words that complete the message "...; give WORDS".  It knows no key.

Types are strict: true is no number, and "5" is no number.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from annotated_types import Ge, Gt, Le, Lt, MultipleOf

from numbann.component import Numbers, Parameter
from numbann.errors import PluginError


@dataclass(frozen=True)
class Rule:
    """A test of a value, and what passes it in words."""

    words: str
    accepts: Callable[[Any], bool]

    def __or__(self, other: Rule) -> Rule:
        """Either of two."""
        return Rule(f"{self.words} or {other.words}", lambda value: self.accepts(value) or other.accepts(value))

    def but(self, remark: str) -> Rule:
        """The same rule with a remark in its words."""
        return Rule(f"{self.words} ({remark})", self.accepts)


NULL = Rule("null", lambda value: value is None)
BOOLEAN = Rule("true or false", lambda value: isinstance(value, bool))
TEXT = Rule("a text", lambda value: isinstance(value, str))


def one_of(*choices: str) -> Rule:
    """One of these texts."""
    quoted = [f'"{choice}"' for choice in choices]
    words = " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
    return Rule(words, lambda value: isinstance(value, str) and value in choices)


def text(words: str, pattern: str) -> Rule:
    """A text that matches a pattern as a whole."""
    return Rule(words, lambda value: isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) is not None)


def whole(low: int, high: int) -> Rule:
    """An integer of a range, its ends included."""
    return Rule(f"a whole number from {low} to {high}", lambda value: type(value) is int and low <= value <= high)


def number(words: str, test: Callable[[float], bool]) -> Rule:
    """An integer or a float that passes a test."""
    return Rule(words, lambda value: type(value) in (int, float) and test(value))


def list_of(item: Rule, words: str, least: int = 0) -> Rule:
    """A list whose elements all pass."""
    return Rule(words, lambda value: isinstance(value, list) and len(value) >= least and all(map(item.accepts, value)))


def numbers_by_name(words: str, test: Callable[[float], bool]) -> Rule:
    """An object of numbers that pass a test."""
    passes = number(words, test).accepts
    return Rule(words, lambda value: isinstance(value, dict) and all(map(passes, value.values())))


NUMBERS = list_of(number("a number", lambda value: True), "a list of numbers")


# ---- parameters of components, whose rule is their annotation


def of_parameter(parameter: Parameter) -> Rule:
    """The rule of a component's parameter: "a number, at least 0, below 1"."""
    if parameter.type == Numbers:
        return NUMBERS
    noun, types = _TYPES[parameter.type]
    bounds = [_bound(parameter, constraint) for constraint in parameter.constraints]
    words = ", ".join([noun, *(bound.words for bound in bounds)])
    return Rule(words, lambda value: type(value) in types and all(bound.accepts(value) for bound in bounds))


_TYPES: dict[type, tuple[str, tuple[type, ...]]] = {
    float: ("a number", (int, float)),
    int: ("a whole number", (int,)),
    bool: ("true or false", (bool,)),
}


def _bound(parameter: Parameter, constraint: Any) -> Rule:
    """One constraint of annotated-types."""
    match constraint:
        case Gt(gt=bound):
            return Rule(f"above {bound}", lambda value: value > bound)
        case Ge(ge=bound):
            return Rule(f"at least {bound}", lambda value: value >= bound)
        case Lt(lt=bound):
            return Rule(f"below {bound}", lambda value: value < bound)
        case Le(le=bound):
            return Rule(f"at most {bound}", lambda value: value <= bound)
        case MultipleOf(multiple_of=step):
            return Rule(f"a multiple of {step}", lambda value: value % step == 0)
    raise PluginError(f"parameter {parameter.name!r}: {constraint!r} is not known; use Gt, Ge, Lt, Le or MultipleOf")
