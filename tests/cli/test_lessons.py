"""What `numbann show` teaches: every built-in component has all sections, and every worked number is computed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import worked
from click.testing import Result
from numbann_cli.component_page import page
from numbann_cli.lesson import SECTIONS, lesson_of
from vocabulary import WORDS

from numbann.components.built_in import built_in
from numbann.components.component import Component
from numbann.components.registry import Entry

Numbann = Callable[..., Result]
ENTRIES = list(built_in().entries())
COMPONENTS = [entry.component for entry in ENTRIES]


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
    assert "https://" in lesson.sections["Reference"]


@pytest.mark.parametrize("component", COMPONENTS, ids=name_of)
def test_only_what_exists_is_recommended(component: Component) -> None:
    """Names with an underscore, and what stands between backticks, are components, parameters or keys of a spec."""
    sections = lesson_of(component).sections
    text = " ".join(sections[name] for name in ("Use", "For", "Against", "Trouble"))
    named = {*re.findall(r"[a-z]\w+_\w\w+", text), *re.findall(r"`([\w.]+)`", text)}
    assert {word for each in named for word in each.split(".")} <= WORDS


@pytest.mark.parametrize("component", COMPONENTS, ids=name_of)
def test_every_worked_line_is_what_the_component_computes(component: Component) -> None:
    for left, right in worked.lines(lesson_of(component).sections["Example"]):
        assert component.name in left
        assert worked.agrees(left, right, component.kind), f"{left} = {worked.value_of(left, component.kind)}"


RANGE = re.compile(r"(?<!\bt )\b[Ii]n ([\[(][^()\[\]]*(?:\([^()]*\)[^()\[\]]*)?[\])])")
MEASURED = [each for each in COMPONENTS if each.kind in ("loss", "metric")]


@pytest.mark.parametrize("component", MEASURED, ids=name_of)
def test_the_range_is_told_and_worked_numbers_keep_to_it(component: Component) -> None:
    """Those of activations are tested by kernels."""
    lesson = lesson_of(component)
    found = RANGE.findall(" ".join(lesson.paragraphs))
    assert found, "name the range, as `in [0, 1]`"
    low, high = eval(f"({found[0][1:-1]})", {"log": math.log, "inf": math.inf, **component.defaults()})
    for left, _ in worked.lines(lesson.sections["Example"]):
        values = np.ravel(worked.value_of(left, component.kind))
        assert low <= min(values) <= max(values) <= high


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
