"""docs/components.md is up to date with the registry."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from numbann.components.built_in import built_in

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "make_components.py"))


def test_the_page_is_what_the_script_makes_of_the_registry(script: dict[str, Any]) -> None:
    written = (DOCS / "components.md").read_text(encoding="utf-8")
    assert written == script["page"](), "run: python docs/make_components.py"


def test_every_component_has_a_row(script: dict[str, Any]) -> None:
    rows = [line for line in script["page"]().splitlines() if line.startswith("| `")]
    components = [entry.component for entry in built_in().entries()]
    assert len(rows) == len(components)
    for row, component in zip(rows, components, strict=True):
        assert all(f"`{name}`" in row for name in (component.name, *component.aliases, *component.defaults()))


def test_every_reference_is_linked(script: dict[str, Any]) -> None:
    for entry in built_in().entries():
        documented = entry.component.function.__doc__ or ""
        assert script["_references"](entry.component).count("](http") == documented.count("://"), entry.component.name
