"""What the docstring of a component teaches: paragraphs, and sections that begin as `Use: `; of plugins, too."""

from __future__ import annotations

import inspect
import re

from numbann.components.component import Component
from numbann.records import dataclass

SECTIONS = ("Example", "Use", "For", "Against", "Trouble", "Reference")
BEGIN = re.compile(rf"({'|'.join(SECTIONS)}): (.*)")


@dataclass(frozen=True)
class Lesson:
    """The paragraphs of a docstring, with the lines of those that are set by hand, and its sections by name."""

    paragraphs: list[str]
    sections: dict[str, str]


def lesson_of(component: Component) -> Lesson:
    """Read a component's docstring."""
    paragraphs: list[str] = []
    sections: dict[str, str] = {}
    for block in re.split(r"\n\s*\n", inspect.getdoc(component.function) or "(no docstring)"):
        plain: list[str] = []
        name = ""
        for line in block.splitlines():
            begun = BEGIN.match(line)
            if begun:
                name, sections[begun[1]] = begun[1], begun[2]
            elif name:
                sections[name] += f" {line.strip()}"
            else:
                plain.append(line)
        if plain:
            by_hand = any(line.startswith((" ", ">>>")) for line in plain)
            paragraphs.append("\n".join(plain) if by_hand else " ".join(plain))
    return Lesson(paragraphs, sections)
