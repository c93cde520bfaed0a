"""The table of formats: what a file's ending asks for, and what a missing package says; no package is needed for it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import zoo
from click.testing import CliRunner
from numbann_cli.group import numbann as group

from numbann.errors import ExportError
from numbann.model.export import FORMATS, NEEDS, find_format, format_of


def test_an_ending_names_its_format() -> None:
    for name, ending in FORMATS.items():
        assert format_of(Path(f"wine{ending.upper()}")) == name
    with pytest.raises(ExportError, match=r"wine\.txt: its ending names no format; name a file that ends in \.onnx"):
        format_of(Path("wine.txt"))


def test_a_format_that_there_is_not() -> None:
    with pytest.raises(ExportError, match=r'there is no format "onxx"; did you mean "onnx"\?'):
        find_format("onxx")


def test_a_missing_package_is_named_before_a_model_is_read(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    for name in ("onnx", "onnx_graph"):
        monkeypatch.delitem(sys.modules, f"numbann.model.export.{name}", raising=False)
    absent = CliRunner().invoke(group, ["export", "nowhere"])
    assert absent.exit_code == 2
    assert "nowhere: no such run directory or model file" in absent.output
    (here / "model.safetensors").write_bytes(b"")
    result = CliRunner().invoke(group, ["export", "model.safetensors"])
    assert result.exit_code == 2
    assert 'the format "onnx" needs onnx, which is not installed: pip install "numbann[onnx]"' in result.output


def test_rows_to_compare_on_need_a_comparison() -> None:
    result = CliRunner().invoke(group, ["export", "run", "--data", "new.csv"])
    assert result.exit_code == 2
    assert "--data gives the rows of --verify; give both" in result.output


@pytest.mark.parametrize("name", ["wine.onnx", "wine.h", "wine.v2", "wine.npz"])
def test_an_ending_that_contradicts_the_format(here: Path, name: str) -> None:
    told = f'{name}: a file of the format "c" ends in .c; name another, or another format'
    with pytest.raises(ExportError, match=re.escape(told)):
        zoo.made("value").export(here / name, "c")
    assert not list(here.iterdir())


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_of_somebody_else_stays(here: Path, format: str) -> None:
    if format in NEEDS:
        pytest.importorskip(NEEDS[format])
    model = zoo.made("value")
    for file in model.export(here / "wine", format).files:
        model.export(here / "wine", format)  # writes over its own
        file.write_bytes(b"/* by hand */")
        with pytest.raises(ExportError, match=rf"wine\{file.suffix}: is there, and was not written by numbann"):
            model.export(here / "wine", format)
        assert file.read_bytes() == b"/* by hand */"
        model.export(here / "wine", format, force=True)
        assert file.read_bytes() != b"/* by hand */"


def test_no_model_is_written_over(here: Path) -> None:
    zoo.made("value").save(here / "wine.safetensors")
    with pytest.raises(ExportError, match="is a model of numbann, which would be lost"):
        zoo.made("value").export(here / "wine.safetensors", force=True)
