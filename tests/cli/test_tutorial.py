"""docs/tutorial.md: its files and commands, from top to bottom, give the output that the page shows."""

from __future__ import annotations

import doctest
import importlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

from numbann.plugins import distributions

Numbann = Callable[..., Result]

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"<?\d+\.\d+(?:e-?\d+)?")
OWN = re.compile(r"^ *(- cuda|✓ cuda|speed|step|✓ vectors) |passed in|^\.+ +\[100%\]")  # the machine's own lines
PIP = {"PIP_TARGET": "site", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}  # 0 leaves the isolation out


def test_the_tutorial(numbann: Numbann, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "site").mkdir()
    monkeypatch.syspath_prepend(here / "site")
    for match in BLOCK.finditer(PAGE):
        language, block = match.groups()
        text = PAGE[: match.start()].rstrip().rsplit("\n\n", 1)[-1]
        if language in ("python", "json"):
            (name,) = re.findall(r"`(\w+\.\w+)`", text)[-1:]
            (here / name).write_text(block)
        elif language == "pycon":
            run = doctest.DocTestRunner()
            run.run(doctest.DocTestParser().get_doctest(block, {}, "tutorial.md", None, None))
            assert run.summarize().failed == 0
        else:
            for command, shown in _commands(block):
                assert_like(shown, run_command(command, numbann, here), here)
                distributions._find_announced.cache_clear()  # a process looks once
                importlib.invalidate_caches()


def _commands(block: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a block, each with the lines that it prints."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        yield command, shown


def run_command(text: str, numbann: Numbann, here: Path) -> list[str]:
    """The lines that a command prints; of a training none, as with -q, since the page leaves them out."""
    program, *arguments = shlex.split(text)
    if program == "numbann":
        result = numbann(*(["-q"] if arguments[0] == "train" else []), *arguments)
        assert result.exit_code == int("not to be used yet" in result.output), result.output
        return [] if arguments[0] == "train" else result.stdout.splitlines()
    module = {"python": [], "pip": ["-m", "pip"], "pytest": ["-m", "pytest", "-p", "numbann.pytest_plugin"]}
    command = [sys.executable, *module[program], *arguments] if program in module else [program, *arguments]
    environment = {**os.environ, **PIP, "PYTHONPATH": os.pathsep.join([str(here / "site"), *sys.path])}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env=environment)
    return done.stdout.splitlines()


def assert_like(shown: list[str], got: list[str], here: Path) -> None:
    """Lines agree but for the machine's own; numbers with a point agree to a tenth."""
    told = [line.replace(str(here.resolve()), "/home/you") for line in got if not OWN.search(line)]
    expected = [line for line in shown if not OWN.search(line)]
    assert [NUMBER.sub("#", line) for line in told] == [NUMBER.sub("#", line) for line in expected]
    for one, other in zip(told, expected, strict=True):
        assert list(map(float, NUMBER.findall(one))) == pytest.approx(list(map(float, NUMBER.findall(other))), rel=0.1)
