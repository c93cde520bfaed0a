"""What `numbann show` teaches: every built-in component has all sections, and every worked number is computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import worked
from click.testing import Result
from numbann_cli.component_page import page
from numbann_cli.lesson import SECTIONS, lesson_of

from numbann.components.built_in import built_in
from numbann.components.component import KINDS, Component
from numbann.components.registry import Entry

Numbann = Callable[..., Result]
TAUGHT = ("activation",)
ENTRIES = [entry for kind in TAUGHT for entry in built_in().entries(kind)]
COMPONENTS = [entry.component for entry in ENTRIES]
KNOWN = {name for entry in built_in().entries() for name in (entry.component.name, *entry.component.aliases)}


def name_of(component: Component) -> str:
    return f"{component.kind}-{component.name}"


@pytest.mark.parametrize("component", COMPONENTS, ids=name_of)
def test_every_section_is_there_once_and_in_order(component: Component) -> None:
    lesson = lesson_of(component)
    assert tuple(lesson.sections) == SECTIONS
    assert len(lesson.paragraphs) <= 2, "the formula, and how it is computed"
    assert lesson.paragraphs[0] == component.summary
    for name, text in lesson.sections.items():
        assert text.endswith(".") or name == "Example", name
    assert (component.function.__doc__ or "").count("Example: ") == 1


@pytest.mark.parametrize("component", COMPONENTS, ids=name_of)
def test_every_worked_line_is_what_the_component_computes(component: Component) -> None:
    for left, right in worked.lines(lesson_of(component).sections["Example"]):
        assert component.name in left
        assert worked.agrees(left, right, component.kind), f"{left} = {worked.value_of(left, component.kind)}"


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("softmax([2, 1, 0]) = [0.665, 0.245, 0.09]", True),
        ("softmax([2, 1, 0]) = [0.665, 0.245, 0.091]", False),
        ("softmax([2, 1, 0]) = [0.665, 0.245]", False),
        ("relu(2.5) = 3", False),
        ("relu([-1, 2.5]) = [0, 2.5]", True),
    ],
)
def test_a_wrong_number_is_found(line: str, right: bool) -> None:
    ((call, value),) = worked.lines(line)
    assert worked.agrees(call, value) == right


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: name_of(entry.component))
def test_pages_wrap_at_words(entry: Entry, width: int) -> None:
    """But what is one word: addresses, the file, and a formula without a space."""
    for line in page(entry, width).splitlines():
        assert len(line) <= width or len(line.split()) <= 2, line


def test_the_sections_of_a_plugin_are_shown(numbann: Numbann, here: Path) -> None:
    """And what it says in other words, and lines that it has set by hand."""
    (here / "bent.py").write_text(
        "from numbann import activation, hookimpl\n\n\n"
        "@activation\ndef bent(z):\n"
        '    """Bent: a = max(z, z / 2).\n\n    A table:\n        z  a\n        1  1\n\n'
        "    Use: when nothing\n    else bends.\n    Trouble: none.\n"
        '    """\n    return z if z > 0 else z / 2\n\n\n'
        "@hookimpl\ndef numbann_register(register):\n    register(bent)\n"
    )
    text = numbann("--plugin", "bent.py", "show", "bent").stdout
    assert "  Bent: a = max(z, z / 2).\n\n  A table:\n      z  a\n      1  1\n\n  takes     each number" in text
    assert "  use       when nothing else bends.\n  trouble   none.\n\n" in text


def test_kinds_are_known() -> None:
    assert set(TAUGHT) <= set(KINDS)
