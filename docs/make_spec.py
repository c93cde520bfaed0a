"""Writes docs/spec.md, every key of a spec, from the table of keys: python docs/make_spec.py"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from numbann.spec.components import CORE_PARAMETERS, REQUIRED, SCHEDULED
from numbann.spec.descriptions import describe
from numbann.spec.model import Choices, ComponentKey, Key, Metrics, Section, Spec, keys_of, to_json
from numbann.spec.rules import Rule, of_parameter

PAGE = Path(__file__).with_name("spec.md")
INTRODUCTION = """# The spec

A spec is one JSON file (UTF-8). Every key is listed here with what it is for, what it takes, its default and an
example. A key that does not exist, a value of a wrong type and a key given twice are errors that name the line;
`numbann check` lists all of them at once. `numbann schema >
numbann.schema.json` writes the same table as a JSON Schema: editors that find `"$schema": "numbann.schema.json"` in a
spec complete keys and mark faults.

Required are `data.path`, `data.target` (unless the labels come with the path) and `model.layers` (unless a
[preset](presets.md) gives them). Every `"auto"` is decided when the data is read; what was chosen is in
`spec.resolved.json` of the run.

A component (an activation, an embedding, a loss, an optimizer, a schedule, an initializer or a metric) is its name,
`"elu"`, or an object with parameters, `{"type": "elu", "alpha": 0.5}`. [Components](components.md) lists them all.

A spec may extend another one: with `"extends": "base.json"` that spec comes first, and what this one says goes over it.
Sections and components are joined key by key; lists and all else are replaced, and so is a component of another type.
Each spec has its own `name` and `output`; paths in a base are relative to its own file. A fault names the file that it
is in. `spec.resolved.json` of a run has all of it, and training it again gives the same bytes.

`python docs/make_spec.py` writes this page.
"""
KINDS = """## Parameters of whole kinds

Some parameters belong to every component of a kind, beside its own.
"""


def page() -> str:
    """The page as text."""
    return "\n".join([INTRODUCTION, "## At the top", "", *_section(Spec, ""), KINDS, *_kinds()]).rstrip() + "\n"


def paths(section: type[Section] = Spec, before: str = "") -> Iterator[tuple[str, type[Section], Key]]:
    """Every key with its dotted path and the section that it is of."""
    for name, one in keys_of(section).items():
        yield before + name, section, one
        if inner := getattr(one.takes, "section", None):
            yield from paths(inner, f"{before}{name}{_below(one)}.")


def _section(section: type[Section], before: str) -> Iterator[str]:
    """The keys with plain values, then those with keys of their own, each as a part of the page."""
    keys = keys_of(section).values()
    for one in sorted(keys, key=lambda one: hasattr(one.takes, "section")):
        path, inner = before + one.name, getattr(one.takes, "section", None)
        level = "##" if inner and not before else "###"
        yield from (f"{level} `{path}`", "", describe(section, one.name).sentence, "", *_facts(section, one), "")
        if isinstance(one.takes, Choices):
            yield from _choices(one.takes)
        if inner:
            yield from _section(inner, f"{path}{_below(one)}.")


def _choices(takes: Choices) -> Iterator[str]:
    """A row for each key of each type."""
    yield from ("| type | key | what it is for | takes | default |", "| --- | --- | --- | --- | --- |")
    for name, section in takes.sections.items():
        for one in keys_of(section).values():
            cells = (describe(section, one.name).sentence, _takes(one), _default(section, one))
            yield f"| `{name}` | `{one.name}` | {' | '.join(cells)} |"
    yield ""


def _below(one: Key) -> str:
    """What stands between a key and those of one of its objects."""
    return "[]" if getattr(one.takes, "many", False) else ".NAME" if getattr(one.takes, "named", False) else ""


def _facts(section: type[Section], one: Key) -> Iterator[str]:
    yield f"- takes: {_takes(one)}"
    yield f"- default: {_default(section, one)}"
    yield f"- example: `{_json({one.name: describe(section, one.name).example})[1:-1]}`"


def _takes(one: Key) -> str:
    match one.takes:
        case Rule(words=words):
            return words.replace("*", r"\*")
        case ComponentKey(kind=kind):
            auto = {"auto": '"auto" or ', None: "null, or "}.get(one.default, "")
            return f"{auto}{'an' if kind[0] in 'aeiou' else 'a'} {kind}: a name, or an object with parameters"
        case Metrics():
            return '"auto", the name of a metric, or a list of metrics: names, or objects with parameters'
        case Choices(sections=sections):
            return f"a list of {', '.join(sections)}: names, or objects with `type` and the keys below"
    if plain := getattr(one.takes, "plain", None):
        return f"{plain.words}, or an object with the keys below"
    short = getattr(one.takes, "short", "")
    many = getattr(one.takes, "many", False)
    types = getattr(one.takes, "short_types", ())
    alone = "text" if str in types else "list" if list in types else "number"
    shorter = f"; a {alone} alone is its `{short}`" if short else ""
    shorter += " (true and false: the defaults, and `null`)" if short and one.takes.optional else ""
    if getattr(one.takes, "named", False):
        return f"an object of names, each with an object with the keys below{shorter}"
    return ("a list of objects with the keys below" if many else "an object with the keys below") + shorter


def _default(section: type[Section], one: Key) -> str:
    if one.required and not isinstance(one.takes, ComponentKey):
        return "none: it is required"
    if one.default is not MISSING:
        return f"`{_json(one.default)}`"
    (made,) = (each.default_factory for each in fields(section) if each.name == one.name)  # type: ignore[arg-type]
    value = to_json(made())  # type: ignore[misc]  # a key has a default or a factory
    return "the defaults of its keys" if isinstance(value, dict) and value else f"`{_json(value)}`"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _kinds() -> Iterator[str]:
    rows = {
        "learning_rate": "The length of a step; the default is the optimizer's own.",
        "weight_decay": "How strongly weights are drawn to 0; biases too, unless `bias_decay` is false.",
        "l1": "How strongly weights are drawn to 0 with a pull that does not depend on their size; biases too.",
        "rates": "With `width` the weights of a layer with I inputs learn at the rate / sqrt(I), which suits adam.",
        "bias_rate": "Times the learning rate, for biases.",
        "bias_decay": "Whether `weight_decay` draws biases to 0, too.",
        "warmup_epochs": "For how many epochs the rate rises from 0 before the schedule begins.",
        "blend_rate": "Times the learning rate, for these numbers.",
        "blend": "Whether the activation f becomes z + blend (f(z) - z), with a number blend trained for each unit.",
    }
    yield from ("| of every | parameter | what it is for | takes | default |", "| --- | --- | --- | --- | --- |")
    for kind, parameters in CORE_PARAMETERS.items():
        for one in parameters:
            default = "the optimizer's" if one.default is REQUIRED else f"`{_json(one.default)}`"
            words = of_parameter(one).words + ", or with a schedule, as `model.dropout`" * (one.name in SCHEDULED)
            yield f"| {kind} | `{one.name}` | {rows[one.name]} | {words} | {default} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
