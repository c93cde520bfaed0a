"""The examples of a page of the manual, run from top to bottom in the working folder.

A block is a file if the paragraph before it ends with its name: "..., in `loans.json`:".  Otherwise the language says
what it is: console (commands and their output), pycon (a dialogue with Python), python (run; all blocks share their
names), json (a part of a spec), sh (commands that are parsed, but not run) or text.
"""

from __future__ import annotations

import copy
import doctest
import json
import re
import shlex
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numbann_cli.group
from click.testing import Result

from numbann.components.built_in import built_in
from numbann.spec.building import build
from numbann.spec.model import Spec

BLOCK = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"`([\w-]+\.\w+)`:$")
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?!\w)")
OWN = re.compile(r"^(?:built|first|machine|started|time) ")  # lines that differ from machine to machine
ANY = "..."  # a line of a page that stands for any lines
MINIMAL = {"data": {"path": "wine.csv", "target": "quality"}, "model": {"layers": [64]}}

Numbann = Callable[..., Result]


def run_page(text: str, numbann: Numbann, here: Path) -> None:
    """Run every block of a page; AssertionError if one does not do what the page shows."""
    found: dict[str, Any] = {"__name__": "page"}
    for index, (before, language, block) in enumerate(blocks(text)):
        named = NAMED.search(before)
        if named:
            (here / named[1]).write_text(block, encoding="utf-8")
        elif language == "console":
            for command, shown in commands(block):
                assert_like(shown, run_command(command, numbann), here)
        elif language == "pycon":
            run = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
            run.run(doctest.DocTestParser().get_doctest(block, found, "page", None, None), clear_globs=False)
            assert run.summarize().failed == 0
        elif language == "python" and "import pandas" in block and find_spec("pandas") is None:
            continue
        elif language == "python":
            path = here / f"block_{index}.py"  # a file, since the source of a component is read
            path.write_text(block, encoding="utf-8")
            exec(compile(block, str(path), "exec"), found)
        elif language == "json":
            assert_part_of_a_spec(json.loads(block))
        elif language == "sh":
            for line in block.splitlines():
                assert_known(line)
        else:
            assert language in ("text", "{toctree}", "{eval-rst}", "{include}"), f"say what it is: {block}"


def without_python(text: str) -> str:
    """A page without its blocks of Python."""
    return re.sub(r"^```python\n.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def blocks(text: str) -> Iterator[tuple[str, str, str]]:
    """The paragraph before each block, its language and its text."""
    for match in BLOCK.finditer(text):
        yield text[: match.start()].rstrip().rsplit("\n\n", 1)[-1], match[1], match[2]


def commands(block: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a block, each with the lines that it prints."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *shown = part.rstrip().splitlines()
        yield command, shown


def run_command(text: str, numbann: Numbann) -> list[str]:
    """The lines that a command prints, on stdout and stderr: of numbann, or the first lines of a file by `head`."""
    program, *arguments = shlex.split(text)
    if program == "head":
        count, name = arguments
        return Path(name).read_text(encoding="utf-8").splitlines()[: -int(count)]
    assert program == "numbann", text
    return numbann(*arguments).output.splitlines()


def assert_like(shown: list[str], got: list[str], here: Path) -> None:
    """Lines agree but for the machine's own and spaces; numbers agree to a tenth."""
    told = _told([line.replace(str(here.resolve()), "/home/you") for line in got])
    place = 0
    parts = _split(_told(shown))
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        starts = [place] if number == 0 else [len(told) - len(part)] if last else range(place, len(told))
        fits = [start for start in starts if start >= place and _agree(part, told[start : start + len(part)])]
        assert fits, "the page shows\n{}\nand the command prints\n{}".format("\n".join(part), "\n".join(got))
        place = fits[0] + len(part)
    assert place == len(told), "the page leaves out\n{}".format("\n".join(told[place:]))


def _told(lines: list[str]) -> list[str]:
    """Lines without those of the machine."""
    return [line.rstrip() for line in lines if not OWN.search(line)]


def _split(lines: list[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in lines:
        if line.strip() == ANY:
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def _agree(shown: list[str], got: list[str]) -> bool:
    return len(shown) == len(got) and all(map(_alike, shown, got))


def _alike(one: str, other: str) -> bool:
    if [NUMBER.sub("#", one).split()] != [NUMBER.sub("#", other).split()]:
        return False
    numbers = zip(map(float, NUMBER.findall(one)), map(float, NUMBER.findall(other)), strict=True)
    return all(abs(a - b) <= 0.1 * max(abs(a), abs(b)) for a, b in numbers)


def assert_part_of_a_spec(given: dict[str, Any]) -> None:
    """A piece of a spec fits into a small whole one."""
    whole: dict[str, Any] = copy.deepcopy(MINIMAL)
    for key, value in given.items():
        whole[key] = {**whole[key], **value} if isinstance(value, dict) and key in whole else value
    registry = None if "plugins" in given else built_in()
    assert build(Spec, whole, (), registry)[1] == []


def assert_known(line: str) -> None:
    """A line of a shell: a command of numbann exists with its options; other programs are left to others."""
    for part in re.split(r"&&|\|", line.partition(" #")[0]):
        program, *arguments = shlex.split(part) or [""]
        if program.rpartition("/")[2] != "numbann":
            continue
        command: Any = numbann_cli.group.numbann
        context = command.make_context("numbann", [], resilient_parsing=True)
        while isinstance(command, click.Group):
            name = next(one for one in arguments if not one.startswith("-"))
            command, arguments = command.get_command(context, name), [one for one in arguments if one != name]
            assert command, line
            context = click.Context(command, parent=context)
        command.make_parser(context).parse_args(arguments)
