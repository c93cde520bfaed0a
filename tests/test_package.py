"""What a package index shows of numbann: a text of its own, since links relative to the README lead nowhere there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import numbann

ROOT = Path(numbann.__file__).parent.parent
PROJECT = ROOT / "pyproject.toml"


@pytest.mark.skipif(not PROJECT.exists(), reason="the package is installed without its source")
def test_the_description_has_no_link_that_leads_nowhere() -> None:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    text = project["readme"]["text"]
    assert project["readme"]["content-type"] == "text/markdown"
    assert [link for link in re.findall(r"\]\(([^)]*)\)", text) if not link.startswith("https://")] == []
    assert "urls" not in project  # no page of numbann has an address yet


def test_pictures_of_the_readme_are_beside_it() -> None:
    pictures = re.findall(r"!\[[^]]*\]\(([^)]*)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert pictures
    assert all((ROOT / name).is_file() for name in pictures)
