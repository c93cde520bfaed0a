"""docs/spec.md and the descriptions: every key has a sentence, what it takes, a default and an example."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from numbann.components.built_in import built_in
from numbann.spec.building import build
from numbann.spec.descriptions import DESCRIPTIONS
from numbann.spec.model import Section, Spec, keys_of
from numbann.spec.schema import schema

DOCS = Path(__file__).parents[2] / "docs"
SECTIONS = sorted(Section.__subclasses__(), key=lambda section: section.__name__)


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "make_spec.py"))


def test_the_page_is_what_the_script_makes_of_the_table(script: dict[str, Any]) -> None:
    written = (DOCS / "spec.md").read_text(encoding="utf-8")
    assert written == script["page"](), "run: python docs/make_spec.py"


def test_every_key_is_described_and_no_other() -> None:
    keys = {section.__name__: set(keys_of(section)) for section in SECTIONS}
    assert {name: set(described) for name, described in DESCRIPTIONS.items()} == keys


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_sentences_are_sentences_and_examples_are_taken(section: type[Section]) -> None:
    described = DESCRIPTIONS[section.__name__]
    for name, one in described.items():
        assert one.sentence[0].isupper(), name
        assert one.sentence.endswith("."), name
    assert build(section, {name: one.example for name, one in described.items()}, (), built_in())[1] == []


def test_the_page_has_all_four_of_every_key(script: dict[str, Any]) -> None:
    parts = script["page"]().split("\n##")
    found = {part.partition("`")[2].partition("`")[0]: part for part in parts}
    for path, section, key in script["paths"](Spec):
        lines = found[path].splitlines()
        assert lines[2] == DESCRIPTIONS[section.__name__][key.name].sentence, path
        assert [line.partition(":")[0] for line in lines[4:7]] == ["- takes", "- default", "- example"], path
        assert all(line.partition(": ")[2] for line in lines[4:7]), path


def test_the_schema_has_the_same_sentences(script: dict[str, Any]) -> None:
    whole = schema(built_in())
    for path, section, key in script["paths"](Spec):
        inner = whole
        for name in path.split("."):
            named = name == "NAME"
            inner = inner["additionalProperties"] if named else inner["properties"][name.removesuffix("[]")]
            inner = inner["items"] if name.endswith("[]") else inner
        assert inner["description"].startswith(DESCRIPTIONS[section.__name__][key.name].sentence), path
