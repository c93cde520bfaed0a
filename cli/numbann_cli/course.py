"""The course: chapters in Markdown, found by topic, as text for a terminal.

The files in chapters/ are in the order of the course.  Each begins with its title and a comment that lists its topics,
the short one that stands for it first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from numbann.records import dataclass
from numbann_cli.prose import INDENT, NO_BREAK, wrap

HEAD = re.compile(r"# (?P<title>[^\n]+)\n+<!-- also: (?P<topics>.+?) -->\n+", re.DOTALL)
FENCE = re.compile(r"^```\w*\n(.*?)\n*^```$\n*", re.DOTALL | re.MULTILINE)
ITEM = re.compile(r"(?:-|\d+\.) ")
KEPT = 0.6  # of a line: code that is no longer is not broken
MARKS = re.compile(r"\*\*(.+?)\*\*|(?<![\w*])\*(\w[^*]*)\*(?!\w)|`([^`]+)`", re.DOTALL)


@dataclass(frozen=True)
class Chapter:
    """A chapter: its title, its topics, the short one first, and its text."""

    title: str
    topics: tuple[str, ...]
    text: str

    @property
    def topic(self) -> str:
        """The topic that stands for it."""
        return self.topics[0]

    @property
    def command(self) -> str:
        """What shows it."""
        return f'numbann show "{self.topic}"' if " " in self.topic else f"numbann show {self.topic}"

    def mentions(self, name: str) -> bool:
        """Whether it speaks of a component."""
        return re.search(rf"`{re.escape(name)}[`(]", self.text) is not None


@cache
def chapters() -> tuple[Chapter, ...]:
    """Return all chapters in their order."""
    files = sorted(Path(__file__).with_name("chapters").glob("*.md"))
    return tuple(_read(file.read_text(encoding="utf-8")) for file in files)


def _read(text: str) -> Chapter:
    head = HEAD.match(text)
    assert head is not None, "a chapter begins with its title and its topics"
    topics = tuple(" ".join(topic.split()) for topic in head["topics"].split(","))
    return Chapter(head["title"], topics, text[head.end() :])


def find(topic: str) -> Chapter | None:
    """Return the chapter of a topic or a title, in any case, with spaces, hyphens or underscores."""
    wanted = _plain(topic)
    return next((each for each in chapters() if wanted in map(_plain, (each.title, *each.topics))), None)


def topics() -> list[str]:
    """Return everything that a chapter is found by."""
    return [topic for each in chapters() for topic in (each.title, *each.topics)]


def chapters_on(name: str, kind: str, most: int = 3) -> list[Chapter]:
    """Return chapters that speak of a component: one on it alone, that of its kind, others."""
    of_kind = find(kind)
    found = [each for each in chapters() if each is of_kind or each.mentions(name)]
    return sorted(found, key=lambda each: (name not in each.topics, each is not of_kind))[:most]


def contents() -> Iterator[str]:
    """Yield a line for each chapter: what shows it, and its title."""
    width = max(len(each.topic) for each in chapters())
    for each in chapters():
        yield f"{INDENT}{each.topic:<{width}}  {each.title}"


def chapter_page(chapter: Chapter, width: int = 200) -> str:
    """Return a chapter as text, with its place in the course."""
    place = chapters().index(chapter)
    head = wrap(f"chapter {place + 1} of {len(chapters())}: {chapter.title}", width, "", INDENT)
    following = [wrap(f"next: {each.command}", width) for each in chapters()[place + 1 : place + 2]]
    return "\n\n".join([head, *_blocks(chapter.text, width), *following])


def _blocks(text: str, width: int) -> Iterator[str]:
    """Yield paragraphs, lists and examples, wrapped; examples keep their lines."""
    for number, part in enumerate(FENCE.split(text)):
        if number % 2:
            yield "\n".join(f"{INDENT * 2}{line}".rstrip() for line in part.splitlines())
            continue
        for block in filter(None, map(str.strip, re.split(r"\n\s*\n", part))):
            yield _list(block, width) if ITEM.match(block) else wrap(_unmarked(block, width), width)


def _list(block: str, width: int) -> str:
    """Wrap the items of a list, each with a hanging indent."""
    items = re.split(r"\n(?=(?:-|\d+\.) )", block)
    marks = [f"{INDENT}{match[0]}" for match in map(ITEM.match, items) if match]
    texts = (_unmarked(item[len(mark) - len(INDENT) :], width) for item, mark in zip(items, marks, strict=True))
    return "\n".join(wrap(text, width, mark, " " * len(mark)) for text, mark in zip(texts, marks, strict=True))


def _unmarked(text: str, width: int) -> str:
    """Remove the marks of Markdown around words; code that is not long stays on one line."""

    def plain(match: re.Match[str]) -> str:
        code = match[3] or ""
        return match[1] or match[2] or (code.replace(" ", NO_BREAK) if len(code) <= KEPT * width else code)

    return MARKS.sub(plain, " ".join(text.split()))


def _plain(topic: str) -> str:
    return " ".join(re.split(r"[\s_-]+", topic.lower().strip()))
