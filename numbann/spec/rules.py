"""The rules for values: a test, words for the message "...; give WORDS", and a JSON Schema.

Types are strict: neither true nor "5" is a number.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, get_args, get_origin

from annotated_types import MultipleOf

from numbann.components.bounds import bounds_among
from numbann.components.parameter import Numbers, Parameter
from numbann.errors import PluginError, did_you_mean, not_allowed
from numbann.records import dataclass


@dataclass(frozen=True)
class Rule:
    """A test of a value, and what it accepts in words and as a JSON Schema.  The schema may accept more.

    names: the texts that it accepts, also in a list, if they can be listed.
    """

    words: str
    accepts: Callable[[Any], bool]
    schema: Mapping[str, Any]
    names: tuple[str, ...] = ()

    def __or__(self, other: Rule) -> Rule:
        """Return a rule that accepts what either of two accepts."""
        return Rule(
            f"{self.words} or {other.words}",
            lambda value: self.accepts(value) or other.accepts(value),
            {"anyOf": [self.schema, other.schema]},
            self.names + other.names,
        )

    def refusal(self, value: Any) -> str:
        """Return the message for a value that it does not accept, with the nearest name."""
        texts = (text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str))
        hints = (did_you_mean(text, self.names) for text in texts if text not in self.names)
        return not_allowed(value, self.words, next(hints, ""))


NULL = Rule("null", lambda value: value is None, {"type": "null"})
BOOLEAN = Rule("true or false", lambda value: isinstance(value, bool), {"type": "boolean"})
TEXT = Rule("a text", lambda value: isinstance(value, str), {"type": "string"})


def is_encoding(value: Any) -> bool:
    """Tell whether a value names an encoding of text."""
    try:
        return isinstance(value, str) and bool(codecs.lookup(value)._is_text_encoding)
    except (LookupError, ValueError):
        return False


def one_of(*choices: str) -> Rule:
    """Return a rule for one of these texts."""
    quoted = [f'"{choice}"' for choice in choices]
    words = " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
    return Rule(words, lambda value: isinstance(value, str) and value in choices, {"enum": list(choices)}, choices)


def text(words: str, pattern: str) -> Rule:
    """Return a rule for a text that matches a pattern as a whole.

    The pattern must not contain a dot, which JSON Schema and Python interpret differently."""
    return Rule(
        words,
        lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None,
        {"type": "string", "pattern": f"^(?:{pattern})$"},
    )


def whole(low: int, high: int) -> Rule:
    """Return a rule for an integer in a range, both ends included."""
    return Rule(
        f"a whole number from {low} to {high}",
        lambda value: type(value) is int and low <= value <= high,
        {"type": "integer", "minimum": low, "maximum": high},
    )


def number(words: str, test: Callable[[float], bool], **bounds: float) -> Rule:
    """Return a rule for an integer or a float that passes a test.  bounds: the same test as keywords of JSON Schema."""
    return Rule(words, lambda value: type(value) in (int, float) and test(value), {"type": "number", **bounds})


def list_of(item: Rule, words: str, least: int = 0) -> Rule:
    """Return a rule for a list whose elements all pass."""
    return Rule(
        words,
        lambda value: isinstance(value, list) and len(value) >= least and all(map(item.accepts, value)),
        {"type": "array", "items": item.schema, "minItems": least},
        item.names,
    )


def numbers_by_name(words: str, test: Callable[[float], bool], **bounds: float) -> Rule:
    """Return a rule for an object of numbers that pass a test."""
    one = number(words, test, **bounds)
    return Rule(
        words,
        lambda value: isinstance(value, dict) and all(map(one.accepts, value.values())),
        {"type": "object", "additionalProperties": one.schema},
    )


NUMBERS = list_of(number("a number", lambda value: True), "a list of numbers")


def exactly(needed: Iterable[str] | None = None, **keys: Any) -> dict[str, Any]:
    """Return the JSON Schema of an object with these keys and no other.  needed: the required keys, by default all."""
    return {
        "type": "object",
        "properties": keys,
        "required": list(keys if needed is None else needed),
        "additionalProperties": False,
    }


# ---- rules for parameters of components, by their annotation


def of_parameter(parameter: Parameter) -> Rule:
    """Return the rule for a component's parameter: "a number, at least 0, below 1"."""
    if parameter.type == Numbers:
        return NUMBERS
    if get_origin(parameter.type) is Literal:
        return one_of(*get_args(parameter.type))
    noun, types, name = _TYPES[parameter.type]
    bounds = [_bound(parameter, constraint) for constraint in parameter.constraints]
    words = ", ".join([noun, *(bound.words for bound in bounds)])
    schema: dict[str, Any] = {"type": name}
    for bound in bounds:
        schema |= bound.schema
    return Rule(words, lambda value: type(value) in types and all(bound.accepts(value) for bound in bounds), schema)


_TYPES: dict[type, tuple[str, tuple[type, ...], str]] = {
    float: ("a number", (int, float), "number"),
    int: ("a whole number", (int,), "integer"),
    bool: ("true or false", (bool,), "boolean"),
}


def _bound(parameter: Parameter, constraint: Any) -> Rule:
    """Return the rule for one constraint of annotated-types."""
    for bound in bounds_among([constraint]):
        return Rule(f"{bound.words} {bound.number}", bound.holds, {bound.keyword: bound.number})
    if isinstance(constraint, MultipleOf):
        step = constraint.multiple_of
        return Rule(f"a multiple of {step}", lambda value: value % step == 0, {"multipleOf": step})
    raise PluginError(f"parameter {parameter.name!r}: {constraint!r} is not known; use Gt, Ge, Lt, Le or MultipleOf")
