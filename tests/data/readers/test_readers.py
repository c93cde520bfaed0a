"""Which reader a path gets, and what is said of a path that none reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from numbann.data import load
from numbann.errors import DataError


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none.csv", "no such file"),
        ("folder.csv", "is a directory"),
        ("t.parquet", "Parquet is not readable yet; readable: "),
        ("t.xlsx", "tells no format"),
        ("t", "tells no format"),
        ("x.npy", "brings no labels"),
        (7, "is no source"),
        ({"train": "none.csv"}, "no such file"),
        ({"images": "none", "labels": "none"}, "no such file"),
        ({"images": "none"}, "is no source"),
    ],
)
def test_paths_that_cannot_be_read(tmp_path: Path, section: Callable[..., Any], path: Any, message: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match=message) as caught:
        load(section(path), tmp_path, 0)
    assert (caught.value.key or "").startswith("data.path")
