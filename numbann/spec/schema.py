"""Builds the JSON Schema (draft 2020-12) of a spec from the table of keys in model.py and the registry.

It accepts every spec that `numbann check` accepts with these components.  `check` finds more faults: a schema cannot
express, for instance, that a file must exist.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import MISSING
from typing import Any

from numbann.components.component import Component
from numbann.components.parameter import Parameter
from numbann.components.registry import OWN, Registry
from numbann.spec.components import REQUIRED, SCHEDULED, parameters_of
from numbann.spec.descriptions import describe
from numbann.spec.model import FILLED, Choices, ComponentKey, Inner, Key, Metrics, Scheduled, Section, Spec, keys_of
from numbann.spec.rules import Rule, exactly, of_parameter

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(registry: Registry) -> dict[str, Any]:
    """Return the schema of a spec that may use every component of a registry."""
    spec = _section(Spec)
    spec["properties"] = {"$schema": {"type": "string"}, **spec["properties"]}
    kinds = dict.fromkeys(entry.component.kind for entry in registry.entries())
    names = {f"{kind}_name": {"anyOf": [_names(component) for component in _of(registry, kind)]} for kind in kinds}
    return {
        "$schema": DIALECT,
        "title": "numbann spec",
        **spec,
        "$defs": {**names, **{kind: _kind(registry, kind) for kind in kinds}},
    }


def _section(section: type[Section]) -> dict[str, Any]:
    keys = keys_of(section)
    needed = [
        name
        for name, one in keys.items()
        if one.required and not isinstance(one.takes, ComponentKey) and name not in FILLED
    ]
    described = {name: {**_key(one), "description": _described(section, one)} for name, one in keys.items()}
    return {**exactly(needed, **described), "description": inspect.getdoc(section)}


def _described(section: type[Section], one: Key) -> str:
    """Return what a key is for, and what it takes."""
    words = f"  {_sentence(one.takes.words)}" if isinstance(one.takes, Rule) else ""
    return describe(section, one.name).sentence + words


def _key(one: Key) -> dict[str, Any]:
    """Return the schema of one key, with its default."""
    default = {} if one.required or one.default is MISSING else {"default": one.default}
    match one.takes:
        case Rule(schema=rule):
            return {**rule, **default}
        case ComponentKey(kind=kind, default=auto):
            component = {"$ref": f"#/$defs/{kind}"}
            open_ = {"const": auto} if auto in ("auto", None) else None
            return {"anyOf": [open_, component], **default} if open_ else {**component, **default}
        case Metrics():
            metrics = {"type": "array", "items": {"$ref": "#/$defs/metric"}, "uniqueItems": True}
            return {"anyOf": [{"const": "auto"}, {"$ref": "#/$defs/metric_name"}, metrics], **default}
        case Choices(sections=sections):
            return {"type": "array", "items": {"anyOf": [{"enum": [*sections]}, *_choices(sections)]}, "default": []}
        case Inner(plain=Rule() as rule):
            return {**_scheduled(rule, one.default == "auto"), **default}
        case Inner(many=True) as inner:
            return {"type": "array", "items": _inner(inner)}
        case Inner(named=True) as inner:
            return {"type": "object", "additionalProperties": _inner(inner)}
        case Inner() as inner:
            return _inner(inner)


def _inner(inner: Inner) -> dict[str, Any]:
    """Return the schema of an object, and of what may stand for it; bounds of a number do not touch objects."""
    short = _key(keys_of(inner.section)[inner.short]) if inner.short else {}
    short.pop("default", None)
    if "anyOf" in short:  # of which the number alone is short
        short = next(one for one in short["anyOf"] if one.get("type") in ("integer", "array"))
    types = ["object", *([short["type"]] if short else []), *["null"] * inner.optional]
    types += ["boolean"] * (bool(short) and inner.optional)
    return {**short, **_section(inner.section), **({"type": types} if len(types) > 1 else {})}


def _choices(sections: Mapping[str, type[Section]]) -> Iterator[dict[str, Any]]:
    for name, section in sections.items():
        found = _section(section)
        yield {**found, "properties": {"type": {"const": name}, **found["properties"]}, "required": ["type"]}


def _of(registry: Registry, kind: str) -> list[Component]:
    return [entry.component for entry in registry.entries(kind)]


def _kind(registry: Registry, kind: str) -> dict[str, Any]:
    """Return the schema of a component of a kind: a name, or an object with parameters."""
    return {
        "description": f"{kind.capitalize()}: a name, or an object with parameters.",
        "anyOf": [{"$ref": f"#/$defs/{kind}_name"}, *map(_object, _of(registry, kind))],
    }


def _names(component: Component) -> dict[str, Any]:
    """Return the schema of a component's names, bare and with its owner."""
    bare, owner = (component.name, *component.aliases), component.plugin.label if component.plugin else OWN
    return {"enum": [*bare, *(f"{owner}:{name}" for name in bare)], "description": component.summary}


def _object(component: Component) -> dict[str, Any]:
    """Return the schema of a component as an object with its parameters."""
    known = parameters_of(component)
    needed = ["type", *(parameter.name for parameter in known if parameter.default is REQUIRED)]
    parameters = {parameter.name: _parameter(parameter) for parameter in known}
    described = exactly(needed, type=_names(component), **parameters)
    return {**described, "description": inspect.getdoc(component.function) or ""}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    rule = of_parameter(parameter)
    default = {} if parameter.default is REQUIRED else {"default": parameter.default}
    takes = _scheduled(rule) if parameter.name in SCHEDULED else rule.schema
    return {**takes, "description": _sentence(rule.words), **default}


def _scheduled(rule: Rule, auto: bool = False) -> dict[str, Any]:
    """Return the schema of a number that may have a schedule; bounds of a number do not touch objects."""
    named = {"pattern": "^auto$"} if auto else {}
    return {**rule.schema, **_section(Scheduled), "type": ["number", "object", *["string"] * auto], **named}


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
