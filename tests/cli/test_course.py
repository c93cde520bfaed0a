"""The course: chapters are found by each of their topics, name only what exists, and their examples run."""

from __future__ import annotations

import doctest
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import worked
from click.testing import Result
from numbann_cli import course
from numbann_cli.course import Chapter, chapter_page, chapters, chapters_on, find
from numbann_cli.overview import COMMANDS
from vocabulary import COMPONENTS, WORDS

from numbann.components.built_in import built_in
from numbann.components.registry import Entry
from numbann.components.roles import KINDS

Numbann = Callable[..., Result]
WriteSpec = Callable[..., Path]
every_chapter = pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.topic.replace(" ", "-"))


def blocks(chapter: Chapter, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", chapter.text, re.DOTALL | re.MULTILINE)


def quoted(chapter: Chapter) -> list[str]:
    """What stands between backticks in the text."""
    text = re.sub(r"^```.*?^```$", "", chapter.text, flags=re.DOTALL | re.MULTILINE)
    return [" ".join(each.split()) for each in re.findall(r"`([^`]+)`", text)]


def words(value: Any) -> Iterator[str]:
    """Every key and every text in a JSON value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (key, *words(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from words(inner)
    elif isinstance(value, str):
        yield value


@every_chapter
def test_numbers_in_examples_are_computed(chapter: Chapter) -> None:
    """Those between backticks by the component, those of Python by Python, in one session from top to bottom."""
    for line in quoted(chapter):
        if re.match(r"\w+\(.*\) = ", line):
            ((call, value),) = worked.lines(line)
            assert worked.agrees(call, value), f"{call} = {worked.value_of(call)}"
    test = doctest.DocTestParser().get_doctest("\n".join(blocks(chapter, "pycon")), {}, chapter.title, None, 0)
    assert doctest.DocTestRunner().run(test).failed == 0


@every_chapter
def test_a_piece_of_a_spec_trains(
    chapter: Chapter, numbann: Numbann, write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in blocks(chapter, "json"):
        write_spec(**json.loads(text))
        result = numbann("train", "spec.json", "--set", "train.epochs=4", "-o", "out", "--force")
        assert result.exit_code == 0, result.stderr


@every_chapter
def test_only_what_exists_is_named(chapter: Chapter) -> None:
    for each in quoted(chapter):
        if re.match(r"\w+\(.*\) = ", each):
            continue
        if each.startswith("numbann "):
            _, command, *rest = each.split(maxsplit=2)
            assert command in COMMANDS, each
            assert command != "show" or rest == ["RUN"] or find(rest[0].strip('"')), each
        elif each.startswith(('"', "[", "{")):
            whole = f"{{{each}}}" if re.match(r'"\w+": ', each) else each
            assert set(words(json.loads(whole))) <= WORDS, each
        else:
            assert set(each.split(".")) <= WORDS, each


def test_every_topic_means_one_chapter() -> None:
    for chapter in chapters():
        for topic in (chapter.title, *chapter.topics):
            assert find(topic) is find(topic.upper().replace(" ", "_")) is chapter
    assert [find(kind) is not None for kind in KINDS] == [True] * len(KINDS)


@every_chapter
@pytest.mark.parametrize("width", [40, 60, 80])
def test_text_wraps_at_words_and_examples_keep_their_lines(chapter: Chapter, width: int) -> None:
    page = chapter_page(chapter, width)
    assert page.count(">>>") == chapter.text.count(">>>")
    code = {
        f"    {line}" for each in ("pycon", "json") for block in blocks(chapter, each) for line in block.splitlines()
    }
    assert max(map(len, code)) <= 80
    for line in set(page.splitlines()) - code:
        assert len(line) <= width or len(line.split()) <= 2, line
        assert not re.search(r"`|\*|<!--", line), line


@pytest.mark.parametrize("entry", list(built_in().entries()), ids=lambda entry: entry.component.name)
def test_every_component_has_a_chapter(entry: Entry) -> None:
    on = chapters_on(entry.component.name, entry.component.kind)
    assert 1 <= len(on) == len({each.title for each in on}) <= 3
    assert find(entry.component.kind) in on


def test_the_manual_has_every_chapter_in_order() -> None:
    page = (Path(__file__).parents[2] / "docs" / "course.md").read_text(encoding="utf-8")
    included = re.findall(r"\{include\} (\S+)", page)
    assert [(Path(__file__).parents[2] / "docs" / name).resolve() for name in included] == sorted(
        (Path(course.__file__).parent / "chapters").glob("*.md")
    )


def test_show_alone_lists_the_course_and_the_components(numbann: Numbann) -> None:
    listed = numbann("show").stdout
    assert all(f"  {chapter.topic} " in listed and chapter.title in listed for chapter in chapters())
    assert all(re.search(rf"\b{each.name}\b", listed) for each in COMPONENTS)


def test_a_topic_is_shown_and_says_what_is_next(numbann: Numbann) -> None:
    page = numbann("show", "Dead units").stdout
    assert page.startswith("chapter 10 of 15: Dead units and vanishing gradients\n\n  On its way back")
    assert page.endswith("\n\n  next: numbann show overfitting\n")


def test_a_name_of_both_shows_both(numbann: Numbann) -> None:
    page = numbann("show", "momentum").stdout
    assert page.startswith("optimizer momentum\n")
    assert "\n  course  numbann show momentum, " in page
    assert "\n\nchapter 7 of 15: Momentum\n" in page


def test_what_is_unknown_may_be_a_topic(numbann: Numbann) -> None:
    result = numbann("show", "overfiting")
    assert result.exit_code == 2
    assert '"overfiting" is neither a path nor a component nor a topic; did you mean "overfitting"?' in result.stderr
    assert '"neurons" is a chapter' in numbann("show", "neurons", "--plot", "n.png").stderr
    assert "--plot draws a run or a component; name it before the option" in numbann("show", "--plot", "n.png").stderr
