"""The choice of a reader for a path, and the message for a path without one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from numbann.data.source import load
from numbann.errors import DataError


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none.csv", "no such file"),
        ("folder.csv", "is a directory"),
        ("t.xlsx", "tells no format"),
        ("t", "tells no format"),
        ("x.npy", "brings no labels"),
        (7, "7 is not allowed; give a file name, "),
        ({"train": "none.csv"}, "no such file"),
        ({"images": "none", "labels": "none"}, "no such file"),
        ({"images": "t.xlsx"}, "missing; give a file name"),
    ],
)
def test_paths_that_cannot_be_read(tmp_path: Path, section: Callable[..., Any], path: Any, message: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name in ("t.xlsx", "t", "x.npy"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=message) as caught:
        load(section(path), tmp_path, 0)
    assert (caught.value.key or "").startswith("data.path")
