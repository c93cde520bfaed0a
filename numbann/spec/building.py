"""Builds a Spec from raw values: walks along the table of keys in model.py and collects every fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numbann.components.registry import OWN, Registry
from numbann.errors import did_you_mean, missing, not_allowed, unknown_key
from numbann.spec.components import CORE_PARAMETERS, choose, choose_metrics, choose_scheduled, split
from numbann.spec.model import (
    AUTO,
    FILLED,
    PRESETS,
    Choices,
    ComponentKey,
    ComponentSpec,
    Inner,
    Key,
    Metrics,
    Section,
    Spec,
    Sweep,
    Takes,
    keys_of,
    to_json,
)
from numbann.spec.rules import Rule
from numbann.spec.trail import Found, Trail


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
    faults = [((*trail, name), unknown_key(name, list(keys), _places())) for name in raw if name not in keys]
    for name, one in keys.items():
        if name in raw or isinstance(one.takes, ComponentKey):
            given = raw[name] if name in raw else _default(one, registry)
            values[name], found = _build_key(one, given, (*trail, name), registry)
            faults += found
        elif one.required:
            preset = f', or "preset": "{PRESETS[1]}"' if name in FILLED else ""
            faults.append(((*trail, name), missing(_words(one.takes) + preset)))
    return (None if faults else section(**values)), faults


def _default(one: Key, registry: Registry | None) -> Any:
    """Return the default of a key; of a component by its full name, since nobody chose a bare one."""
    named = registry and isinstance(one.takes, ComponentKey) and isinstance(one.default, str) and one.default != "auto"
    return f"{OWN}:{one.default}" if named else one.default


def _build_key(one: Key, given: Any, trail: Trail, registry: Registry | None) -> tuple[Any, list[Found]]:
    """Return the value of one key, and its faults."""
    match one.takes:
        case Rule() as rule:
            return given, [] if rule.accepts(given) else [(trail, rule.refusal(given))]
        case ComponentKey(kind=kind):
            open_ = given in ("auto", None) and given == one.default
            return (given, []) if open_ else choose(kind, given, trail, registry)
        case Metrics():
            return choose_metrics(given, trail, registry)
        case Choices(sections=sections):
            return _build_choices(sections, given, trail)
        case Inner(many=True) as inner:
            return _build_list(inner, given, trail, registry)
        case Inner(named=True) as inner:
            return _build_named(inner, given, trail, registry)
        case Inner(plain=Rule() as rule, section=section) if not isinstance(given, dict):
            rule = AUTO | rule if one.default == "auto" else rule
            fault = f"{rule.refusal(given)}, or {_object(section)}"
            return given, [] if rule.accepts(given) else [(trail, fault)]
        case Inner(plain=Rule() as rule):
            return choose_scheduled(rule, given, trail, registry)
        case Inner() as inner:
            given = inner.long(given)
            if given is None and inner.optional:
                return None, []
            return build(inner.section, given, trail, registry, _short(inner))


def _short(inner: Inner) -> str:
    """Return words for the short forms of a key that takes an object."""
    alone = "true, " * inner.optional + ("a text" if str in inner.short_types else "a number")
    return f"{alone} or " if inner.short else ""


def _build_list(inner: Inner, given: Any, trail: Trail, registry: Registry | None) -> tuple[Any, list[Found]]:
    """Build a list of sections."""
    if not isinstance(given, list):
        several = f"a list of numbers of {inner.short} or of" if inner.short else "a list of"
        return None, [
            (trail, not_allowed(given, f"{several} objects with the keys {', '.join(keys_of(inner.section))}"))
        ]
    short = f"a number of {inner.short} or " if inner.short else ""
    built = [build(inner.section, inner.long(raw), (*trail, k), registry, short) for k, raw in enumerate(given)]
    return [section for section, _ in built], [fault for _, found in built for fault in found]


def _build_named(
    inner: Inner, given: Any, trail: Trail, registry: Registry | None
) -> tuple[dict[str, Any], list[Found]]:
    """Build sections by name."""
    if not isinstance(given, dict):
        return {}, [(trail, not_allowed(given, f"an object of names, each with {_object(inner.section)}"))]
    short = f"a list of {inner.short} or " if inner.short else ""
    built = {
        name: build(inner.section, inner.long(raw), (*trail, name), registry, short) for name, raw in given.items()
    }
    return {name: one for name, (one, _) in built.items()}, [fault for _, found in built.values() for fault in found]


def _build_choices(
    sections: Mapping[str, type[Section]], given: Any, trail: Trail
) -> tuple[list[ComponentSpec], list[Found]]:
    """Build a list of objects of several types; a type comes once."""
    known = ", ".join(f'"{name}"' for name in sections)
    if not isinstance(given, list):
        return [], [(trail, not_allowed(given, f'a list of {known}, each as it is or as {{"type": NAME, ...}}'))]
    chosen: list[ComponentSpec] = []
    faults: list[Found] = []
    for place, one in enumerate(given):
        name, said = split(one)
        at = (*trail, place, "type") if isinstance(one, dict) else (*trail, place)
        if not isinstance(name, str) or name not in sections:
            hint = did_you_mean(name, sections) if isinstance(name, str) else ""
            faults.append((at, missing(known) if name is None else not_allowed(name, f"one of {known}", hint)))
            continue
        if any(other.type == name for other in chosen):
            faults.append((at, f'"{name}" is named twice; name it once'))
        section, found = build(sections[name], said, (*trail, place), None)
        faults += found
        chosen.append(ComponentSpec(name, {} if section is None else to_json(section)))
    return chosen, faults


def _object(section: type[Section], many: bool = False) -> str:
    return f"{'a list of objects' if many else 'an object'} with the keys {', '.join(keys_of(section))}"


def _words(rule: Takes) -> str:
    match rule:
        case Rule(words=words):
            return words
        case Inner(section=section, named=True):
            return f"an object of names, each with {_object(section)}"
        case Inner(section=section, many=many):
            return _object(section, many)
    return "a component"


def _places(section: type[Section] = Spec, before: str = "") -> dict[str, str]:
    """Return the path of each key by its name, of keys with one name the first, and of parameters that core owns.

    What a sweep is about is named elsewhere, so that its own keys are nowhere else.
    """
    places: dict[str, str] = {}
    for name, one in keys_of(section).items():
        if isinstance(one.takes, ComponentKey):
            places |= {own.name: f"{before}{name}.{own.name}" for own in CORE_PARAMETERS.get(name, ())}
        inner = one.takes if isinstance(one.takes, Inner) else None
        if inner and not inner.many and not inner.named and inner.section is not Sweep:
            places = {**_places(inner.section, f"{before}{name}."), **places}
        if inner is None or before:
            places[name] = before + name if before else f"{name}, at the top"
    return places
