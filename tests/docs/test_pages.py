"""The pages of the manual and the README: every example does what the page shows."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numbann_cli.group
import pages
import pytest
from click.testing import CliRunner, Result

ROOT = Path(__file__).parents[2]
ELSEWHERE = {"tutorial", "plugins", "kernels"}  # tests of their own
PAGES = [ROOT / "README.md", *(path for path in sorted((ROOT / "docs").glob("*.md")) if path.stem not in ELSEWHERE)]


@pytest.fixture
def numbann(here: Path) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(numbann_cli.group.numbann, list(arguments), prog_name="numbann")

    return run


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_example_of_a_page(path: Path, numbann: Callable[..., Result], here: Path) -> None:
    shutil.copytree(ROOT / "examples", here / "examples")
    for table in (ROOT / "examples" / "data").glob("*.csv"):
        shutil.copy(table, here)
    text = path.read_text(encoding="utf-8")
    pages.run_page(pages.without_python(text) if path.stem == "cuda" else text, numbann, here)  # that needs a GPU


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_commands_in_the_text_exist(path: Path) -> None:
    text = pages.BLOCK.sub("", path.read_text(encoding="utf-8"))
    for name in re.findall(r"`numbann ([a-z][a-z-]+)", text):
        assert name in numbann_cli.group.COMMANDS, name


@pytest.mark.parametrize(
    ("shown", "got", "fits"),
    [
        ("a\nb 1.0", "a\nb 1.05", True),
        ("a\nb 1.0", "a\nb 2.0", False),
        ("a\n...\nd", "a\nb\nc\nd", True),
        ("a\n...\nd", "a\nb\nd\nc", False),
        ("a", "a\nb", False),
        ("machine A\nx", "machine B\nx", True),
    ],
)
def test_what_counts_as_alike(shown: str, got: str, fits: bool, tmp_path: Path) -> None:
    if fits:
        pages.assert_like(shown.splitlines(), got.splitlines(), tmp_path)
    else:
        with pytest.raises(AssertionError):
            pages.assert_like(shown.splitlines(), got.splitlines(), tmp_path)


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
