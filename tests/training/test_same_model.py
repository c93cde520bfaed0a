"""One table gives the same bytes of the model and the same predictions, whatever it comes in and whatever reads it.

Apart from a target of yes and no: labels are predicted as they came, which is as texts or as booleans.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import random
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

import numbann
from numbann.data import arrow_lines
from numbann.data.delimited import arrow, chunks
from numbann.data.source import load
from numbann.errors import DataError
from numbann.spec.building import build
from numbann.spec.model import Data, to_json

CASES = int(os.environ.get("CASES", "20"))
ROWS = 90
Columns = dict[str, list[Any]]

FEATURES: Columns = {
    "size": [None if k % 13 == 3 else k / 7 for k in range(ROWS)],
    "tiny": [(-1) ** k * 10.0 ** -(k % 30) for k in range(ROWS)],
    "count": [k * k % 11 for k in range(ROWS)],
    "town": [None if k == 5 else ["Rome", "São Paulo", "the Hague"][k % 3] for k in range(ROWS)],
    "code": [f"0{k % 4}" for k in range(ROWS)],
    "day": [str(date(2024, 1, 1) + timedelta(days=5 * k)) for k in range(ROWS)],
    "member": [k % 4 > 1 for k in range(ROWS)],
}
TARGETS: dict[str, Columns] = {
    "classes": {"y": [["no", "yes"][k % 7 > 3] for k in range(ROWS)]},
    "whole classes": {"y": [k % 3 for k in range(ROWS)]},
    "numbers": {"y": [k / 3 + k % 5 for k in range(ROWS)]},
    "counts": {"y": [k * 7 % 40 for k in range(ROWS)]},
    "several": {"y": [k / 3 for k in range(ROWS)], "z": [k % 5 for k in range(ROWS)]},
}
DATED = {"columns": {"day": {"dates": "parts"}}}


def write_text(path: Path, columns: Columns, delimiter: str = ",") -> None:
    """Write a table of text; None is an empty cell."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(
            [columns, *zip(*columns.values(), strict=True)]
        )


def pack(path: Path, columns: Columns) -> None:
    write_text(path, columns)
    path.write_bytes(gzip.compress(path.read_bytes()))


def write_lines(path: Path, columns: Columns) -> None:
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def arrow_table(columns: Columns) -> Any:
    return pytest.importorskip("pyarrow").table(columns)


FILES: dict[str, Callable[[Path, Columns], None]] = {
    "t.csv": write_text,
    "t.tsv": lambda path, columns: write_text(path, columns, "\t"),
    "semicolon.csv": lambda path, columns: write_text(path, columns, ";"),
    "t.csv.gz": pack,
    "t.jsonl": write_lines,
    "t.parquet": lambda path, columns: pytest.importorskip("pyarrow.parquet").write_table(arrow_table(columns), path),
    "t.feather": lambda path, columns: pytest.importorskip("pyarrow.feather").write_feather(arrow_table(columns), path),
}
GIVEN: dict[str, Callable[[Columns], Any]] = {
    "pandas": lambda columns: pytest.importorskip("pandas").DataFrame(columns),
    "polars": lambda columns: pytest.importorskip("polars").DataFrame(columns),
    "arrow": arrow_table,
    "columns": dict,
}


@pytest.fixture(params=["without the extra", "by pyarrow", "by the kernel"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What reads tables of text: the csv module without pyarrow and narwhals, pyarrow, or the compiled kernel."""
    if request.param == "by pyarrow":
        pytest.importorskip("pyarrow")
        monkeypatch.setattr(arrow, "SMALLEST", 0)
    else:
        for name in [*sys.modules]:
            if name.partition(".")[0] in ("pyarrow", "narwhals"):
                monkeypatch.setitem(sys.modules, name, None)  # importing it raises ImportError
        for name in ("pyarrow", "narwhals"):
            monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ImportError):
            import pyarrow.csv  # noqa: F401
    if request.param == "by the kernel":
        monkeypatch.setattr(chunks, "SMALLEST", 0)
    return str(request.param)


def trained(source: Any, columns: Columns, folder: Path, targets: list[str]) -> tuple[bytes, list[Any]]:
    """The bytes of the model file, and the predictions of the model that is loaded from it."""
    data: dict[str, Any] = {"target": targets[0] if len(targets) == 1 else targets, **DATED}
    if isinstance(source, Path):
        data["path"], source = str(source), None
    spec = {"name": "m", "data": data, "model": {"layers": [5]}, "train": {"epochs": 2}}
    numbann.train(spec, data=source, output=folder, force=True)
    model = numbann.load(folder)
    return (folder / "model.safetensors").read_bytes(), model.predict(columns).tolist()


@pytest.mark.parametrize("target", TARGETS)
def test_every_form_gives_the_same_bytes(tmp_path: Path, target: str) -> None:
    targets = [*TARGETS[target]]
    columns = FEATURES | TARGETS[target]
    write_text(tmp_path / "t.csv", columns)
    expected = trained(tmp_path / "t.csv", columns, tmp_path / "run", targets)
    for name, write in FILES.items():
        (tmp_path / name).unlink(missing_ok=True)
        write(tmp_path / name, columns)
        assert trained(tmp_path / name, columns, tmp_path / "run", targets) == expected, name
    pytest.importorskip("narwhals")
    for name, make in GIVEN.items():
        assert trained(make(columns), columns, tmp_path / "run", targets) == expected, name


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, list[Any]]]:
    """What the csv module's reading gives, by kind of target."""
    folder, found = tmp_path_factory.mktemp("usual"), {}
    for target, more in TARGETS.items():
        write_text(folder / "t.csv", FEATURES | more)
        found[target] = trained(folder / "t.csv", FEATURES, folder / "run", [*more])
    return found


def noted(call: Callable[..., Any], name: str, read: list[str]) -> Callable[..., Any]:
    """A function that notes its name where it finds something."""

    def run(*given: Any) -> Any:
        found = call(*given)
        read.extend([] if found is None else [name])
        return found

    return run


@pytest.mark.parametrize("target", TARGETS)
def test_with_and_without_the_extra(
    usual: dict[str, tuple[bytes, list[Any]]],
    reader: str,
    tmp_path: Path,
    target: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[str] = []
    for name, module, call in (("by pyarrow", arrow, "_columns"), ("by the kernel", chunks, "_numbers")):
        monkeypatch.setattr(module, call, noted(getattr(module, call), name, read))
    write_text(tmp_path / "t.csv", FEATURES | TARGETS[target])
    assert trained(tmp_path / "t.csv", FEATURES, tmp_path / "run", [*TARGETS[target]]) == usual[target]
    assert set(read) == {reader} - {"without the extra"}


def test_it_names_no_place(usual: dict[str, tuple[bytes, list[Any]]], tmp_path: Path) -> None:
    """A model that is given away does not say where its maker keeps the data."""
    for content, _ in usual.values():
        assert b"t.csv" not in content
        assert str(tmp_path.parents[1]).encode() not in content


# ---- tables by lot

KINDS: dict[str, Callable[[random.Random], Callable[[], Any]]] = {
    "float": lambda draw: lambda: draw.choice((draw.gauss(0, 1), 10 ** draw.uniform(-300, 300), draw.random())),
    "whole": lambda draw: lambda: draw.randint(-50, 50),
    "large": lambda draw: lambda: draw.randint(-(2**53), 2**53),
    "few": lambda draw: lambda: draw.randint(0, 3),
    "text": lambda draw: lambda: draw.choice(("red", "Green", "a b", "ü", "x,y", 'say "no"', "-")),
    "code": lambda draw: lambda: f"{draw.randint(0, 30):02}",
    "flag": lambda draw: lambda: draw.random() < 0.5,
    "constant": lambda draw: lambda: 7,
}


def drawn(draw: random.Random) -> Columns:
    """A table by lot, some cells of which are missing; its target, y, is whole."""
    columns: Columns = {}
    rows = draw.randint(12, 60)
    for number in range(draw.randint(1, 5)):
        cell = KINDS[draw.choice([*KINDS])](draw)
        holes = draw.choice((0.0, 0.0, 0.1))
        columns[f"c{number}"] = [None if draw.random() < holes else cell() for _ in range(rows)]
    cell = KINDS[draw.choice(("float", "whole", "few", "text"))](draw)
    return columns | {"y": [cell() for _ in range(rows)]}


def prepared(source: Any) -> Any:
    """What a source becomes: its preprocessing and the bytes of its parts; or that it is refused."""
    data: dict[str, Any] = {"target": "y", "path": "<data>"}
    if isinstance(source, Path):
        data["path"], source = str(source), None
    try:
        split = load(to_json(build(Data, data, ("data",), None)[0]), Path(), 0, source)
        target = "label" if split.facts.task.labelled else "real"
        found = split.prepare(target=target, scale="standard", target_scale="none", dtype="float32")
    except DataError as error:
        return "refused", error.key
    arrays = [(name, part.x.tobytes(), part.t.tobytes()) for name, part in found.parts.items()]
    return repr(found.preprocessing.to_dict()), arrays, repr(split.facts.task)


@pytest.mark.filterwarnings("ignore")
def test_tables_by_lot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyarrow", "narwhals", "pandas", "polars"):
        pytest.importorskip(name)
    draw, read = random.Random(15), 0
    for case in range(CASES):
        columns = drawn(draw)
        write_text(tmp_path / "t.csv", columns)
        expected = prepared(tmp_path / "t.csv")
        read += expected[0] != "refused"
        for module in (arrow, chunks):
            with monkeypatch.context() as patch:
                patch.setattr(module, "SMALLEST", 0)
                assert prepared(tmp_path / "t.csv") == expected, (case, module)
        for name, write in FILES.items():
            write(tmp_path / name, columns)
            assert prepared(tmp_path / name) == expected, (case, name)
        with monkeypatch.context() as patch:
            patch.setattr(arrow_lines, "SMALLEST", 0)
            assert prepared(tmp_path / "t.jsonl") == expected, case
        for name, make in GIVEN.items():
            assert prepared(make(columns)) == expected, (case, name)
    assert read > CASES / 4
