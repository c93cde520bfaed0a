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
        ("t.xlsx", "t.xlsx.* is an Excel workbook; save its sheet as CSV"),
        ("t", "t is empty"),
        (["t.csv", "x.npy"], "is no table of the format of"),
        ("none-*.csv", "no file in .* is named so"),
        ("https://example.org/t.csv", "is an address; fetch its file first"),
        ("~/none/of/these.csv", "no such file; if it has moved"),
        ([], "is not allowed; give a file name, a list of them"),
        ("x.npy", "brings no labels"),
        (7, "7 is not allowed; give a file name, "),
        ({"train": "none.csv"}, "no such file"),
        ({"images": "none", "labels": "none"}, "no such file"),
        ({"images": "t.xlsx"}, "missing; give a file name"),
    ],
)
def test_paths_that_cannot_be_read(tmp_path: Path, section: Callable[..., Any], path: Any, message: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name, content in (
        ("t.xlsx", b"PK\3\4[Content_Types].xml"),
        ("t", b""),
        ("x.npy", b""),
        ("t.csv", b"a,y\n1,2.5\n"),
    ):
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load(section(path), tmp_path, 0)
    assert (caught.value.key or "").startswith("data.path")
