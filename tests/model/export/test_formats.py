"""The table of formats: what a file's ending asks for, and what a missing package says; no package is needed for it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from numbann_cli.group import numbann as group

from numbann.errors import ExportError
from numbann.model.export import FORMATS, find_format, format_of


def test_an_ending_names_its_format() -> None:
    for name, ending in FORMATS.items():
        assert format_of(Path(f"wine{ending.upper()}")) == name
    with pytest.raises(ExportError, match=r"wine\.txt: its ending names no format; name a file that ends in \.onnx"):
        format_of(Path("wine.txt"))


def test_a_format_that_there_is_not() -> None:
    with pytest.raises(ExportError, match=r'there is no format "onxx"; did you mean "onnx"\?'):
        find_format("onxx")


def test_a_missing_package_is_named_before_a_model_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    for name in ("onnx", "onnx_graph"):
        monkeypatch.delitem(sys.modules, f"numbann.model.export.{name}", raising=False)
    result = CliRunner().invoke(group, ["export", "nothing"])
    assert result.exit_code == 2
    assert 'the format "onnx" needs onnx, which is not installed: pip install "numbann[onnx]"' in result.output


def test_rows_to_compare_on_need_a_comparison() -> None:
    result = CliRunner().invoke(group, ["export", "run", "--data", "new.csv"])
    assert result.exit_code == 2
    assert "--data gives the rows of --verify; give both" in result.output
