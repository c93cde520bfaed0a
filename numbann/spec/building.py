"""Builds a Spec from raw values: walks along the table of keys in model.py and collects every fault."""

from __future__ import annotations

from typing import Any

from numbann.components.registry import Registry
from numbann.errors import missing, not_allowed, unknown_key
from numbann.spec.components import choose, choose_metrics
from numbann.spec.model import NOT_YET, ComponentKey, Inner, Key, Metrics, Section, Takes, keys_of
from numbann.spec.rules import Rule
from numbann.spec.trail import Found, Trail

LATER = {
    "extends",
    "sweep",
    "data.columns",
}


def build(
    section: type[Section], raw: Any, trail: Trail, registry: Registry | None, short: str = ""
) -> tuple[Any, list[Found]]:
    """Build a section from raw values, and collect their faults; the section is None if there are any.

    short: words for its short form, for messages.
    """
    keys = keys_of(section)
    if not isinstance(raw, dict):
        return None, [(trail, not_allowed(raw, f"{short}{_object(section)}"))]
    values: dict[str, Any] = {}
    faults = [((*trail, name), _unknown((*trail, name), list(keys))) for name in raw if name not in keys]
    for name, one in keys.items():
        if name in raw or isinstance(one.takes, ComponentKey):
            values[name], found = _build_key(one, raw.get(name, one.default), (*trail, name), registry)
            faults += found
        elif one.required:
            faults.append(((*trail, name), missing(_words(one.takes))))
    return (None if faults else section(**values)), faults


def _build_key(one: Key, given: Any, trail: Trail, registry: Registry | None) -> tuple[Any, list[Found]]:
    """Return the value of one key, and its faults."""
    match one.takes:
        case Rule() as rule:
            return given, [] if rule.accepts(given) else [(trail, rule.refusal(given))]
        case ComponentKey(kind=kind):
            return (given, []) if given == one.default == "auto" else choose(kind, given, trail, registry)
        case Metrics():
            return choose_metrics(given, trail, registry)
        case Inner(many=True) as inner:
            return _build_list(inner, given, trail, registry)
        case Inner() as inner:
            given, short = inner.long(given), "true, a number or " if inner.short else ""
            return (None, []) if given is one.default is None else build(inner.section, given, trail, registry, short)


def _build_list(inner: Inner, given: Any, trail: Trail, registry: Registry | None) -> tuple[Any, list[Found]]:
    """Build a list of sections."""
    if not isinstance(given, list):
        return None, [(trail, not_allowed(given, _object(inner.section, many=True)))]
    short = f"a number of {inner.short} or " if inner.short else ""
    built = [build(inner.section, inner.long(raw), (*trail, k), registry, short) for k, raw in enumerate(given)]
    return [section for section, _ in built], [fault for _, found in built for fault in found]


def _object(section: type[Section], many: bool = False) -> str:
    return f"{'a list of objects' if many else 'an object'} with the keys {', '.join(keys_of(section))}"


def _words(rule: Takes) -> str:
    match rule:
        case Rule(words=words):
            return words
        case Inner(section=section, many=many):
            return _object(section, many)
    return "a component"


def _unknown(trail: Trail, known: list[str]) -> str:
    """Return the message for a key that does not exist, or does not work yet."""
    name = ".".join(part for part in trail if isinstance(part, str))
    return f"this key {NOT_YET}; leave it out" if name in LATER else unknown_key(str(trail[-1]), known)
