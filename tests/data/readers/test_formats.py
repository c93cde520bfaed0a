"""One table in every format, in several files and under any name gives the same columns; other files are named."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbann.data import files
from numbann.data.source import SplitData, load
from numbann.errors import DataError

Section = Callable[..., dict[str, Any]]
ROWS = [
    (
        k,
        None if k % 7 == 3 else k / 3,
        ["low", "high", "mid"][k % 3],
        None if k == 4 else "ab"[k % 2],
        ["no", "yes"][k % 2],
    )
    for k in range(30)
]
NAMES = ("n", "x", "level", "code", "y")


def text_of(rows: Any, header: bool = True, delimiter: str = ",") -> bytes:
    lines = [
        delimiter.join("" if cell is None else str(cell) for cell in row) for row in ([NAMES] if header else []) + rows
    ]
    return ("\n".join(lines) + "\n").encode()


def json_lines(rows: Any) -> bytes:
    return "".join(json.dumps(dict(zip(NAMES, row, strict=True))) + "\n" for row in rows).encode()


def arrow_table() -> Any:
    arrow = pytest.importorskip("pyarrow")
    return arrow.table(dict(zip(NAMES, map(list, zip(*ROWS, strict=True)), strict=True)))


def write_parquet(file: Path) -> None:
    pytest.importorskip("pyarrow.parquet").write_table(arrow_table(), file)


def write_feather(file: Path) -> None:
    pytest.importorskip("pyarrow.feather").write_feather(arrow_table(), str(file))


def write_zst(file: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    with arrow.output_stream(str(file), compression="zstd") as stream:
        stream.write(text_of(ROWS))


def write_pieces(file: Path) -> None:
    for number, begin in enumerate(range(0, 30, 11)):
        (file.parent / f"p-{number}.csv").write_bytes(text_of(ROWS[begin : begin + 11]))


WRITERS: dict[Any, Callable[[Path], Any]] = {
    "t.csv": lambda file: file.write_bytes(text_of(ROWS)),
    "t.tsv": lambda file: file.write_bytes(text_of(ROWS, delimiter="\t")),
    "t.csv.gz": lambda file: file.write_bytes(gzip.compress(text_of(ROWS))),
    "t.csv.zst": write_zst,
    "t.data": lambda file: file.write_bytes(text_of(ROWS)),
    "t.txt": lambda file: file.write_bytes(text_of(ROWS, delimiter=";")),
    "t": lambda file: file.write_bytes(text_of(ROWS, delimiter="|")),
    "t.jsonl": lambda file: file.write_bytes(json_lines(ROWS)),
    "t.log": lambda file: file.write_bytes(json_lines(ROWS)),
    "t.ndjson.gz": lambda file: file.write_bytes(gzip.compress(json_lines(ROWS))),
    "t.parquet": write_parquet,
    "t.bin": write_parquet,
    "t.feather": write_feather,
    "p-*.csv": write_pieces,
    ("p-0.csv", "p-1.csv", "p-2.csv"): write_pieces,
}


def read(folder: Path, section: Section, path: Any) -> SplitData:
    changes = {"missing": "mean", "split": {"validation": 0.2, "test": 0.2}}
    return load(section(list(path) if isinstance(path, tuple) else path, **changes), folder, 0)


@pytest.mark.parametrize("name", WRITERS, ids=str)
def test_every_format_gives_the_same_inputs(tmp_path: Path, section: Section, name: Any) -> None:
    write_pieces(tmp_path / "p")
    (tmp_path / "same.csv").write_bytes(text_of(ROWS))
    WRITERS[name](tmp_path / str(name))
    form = {"target": "binary", "scale": "standard", "target_scale": "none", "dtype": "float64"}
    found, expected = (read(tmp_path, section, path).prepare(**form) for path in (name, "same.csv"))  # type: ignore[arg-type]
    for part, same in expected.parts.items():
        np.testing.assert_array_equal(found.parts[part].x, same.x)
        np.testing.assert_array_equal(found.parts[part].raw_target, same.raw_target)
    assert found.preprocessing.encoding == expected.preprocessing.encoding
    new = found.preprocessing.read(tmp_path / "same.csv", need_target=True)
    np.testing.assert_array_equal(new.x, expected.preprocessing.read(tmp_path / "same.csv", need_target=True).x)


def test_a_row_of_several_files_is_named_by_its_own(tmp_path: Path, section: Section) -> None:
    (tmp_path / "a.csv").write_text("a,y\n1,0.5\n2,1.5\n")
    (tmp_path / "b.csv").write_text("a,y\n3,0.5\n,1.5\n")
    with pytest.raises(DataError, match=r'b\.csv row 3, column "a": a missing number'):
        load(section(["a.csv", "b.csv"]), tmp_path, 0)
    assert len(load(section(["a.csv", "b.csv"], missing="mean"), tmp_path, 0).facts.files) == 2
    (tmp_path / "b.csv").write_text("b,y\n3,0.5\n4,1.5\n")
    with pytest.raises(DataError, match=r'b\.csv has no column "a"'):
        load(section("[ab].csv"), tmp_path, 0)


def archive(name: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as members:
        members.writestr(name, "x")
    return content.getvalue()


OTHERS = {
    "an Excel workbook": archive("xl/workbook.xml"),
    "a zip archive": archive("t.csv"),
    "a NumPy archive": archive("x.npy"),
    "a pickle": pickle.dumps([1]),
    "a PNG picture": b"\x89PNG\r\n\x1a\n",
    "a PDF document": b"%PDF-1.7",
    "a Parquet file": b"PAR1....",
    "a gzip file": gzip.compress(b"a,y\n1,2\n"),
    "a JSON array": b'[{"a": 1}]',
    "a file of JSON lines": b'{"a": 1, "y": 2}\n',
    "a page of HTML": b"<!DOCTYPE html><html>",
    "text in UTF-16": "a,y\n1,2\n".encode("utf-16"),
}


@pytest.mark.parametrize("words", OTHERS)
def test_what_is_no_table_of_text_is_named(tmp_path: Path, section: Section, words: str) -> None:
    """By its ending, by data.format, and where a model predicts."""
    for name, changes in (("t.csv", {}), ("t.xyz", {"format": "csv"})):
        (tmp_path / name).write_bytes(OTHERS[words])
        with pytest.raises(DataError, match=f"{name} is {words}.*, not a table of text; ") as caught:
            load(section(name, **changes), tmp_path, 0)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("order", [(0, 0, 1, 0, 2), (0, 1, 2), (1, 0, 2)])
def test_a_column_may_be_missing_in_some_of_the_files(
    tmp_path: Path, section: Section, name: str, order: tuple[int, ...]
) -> None:
    """What it holds is decided by the first file that has some of it."""
    files = [[[None] * 3] * 3, [["x", 1.5, "u"], [None, 2.5, "v"]], [["y", None, "u"], ["x", 4.5, "v"]]]
    every = [[*row, k / 2] for k, row in enumerate(row for file in order for row in files[file])]
    begin = 0
    for number, file in enumerate(order):
        rows = every[begin : begin + len(files[file])]
        begin += len(rows)
        write_rows(tmp_path / f"p{number}.{name}", rows)
    write_rows(tmp_path / f"whole.{name}", every)
    changes = {"missing": "median", "categorical": ["c"] if len(order) == 3 else []}
    parts, whole = (load(section(f"{one}.{name}", **changes), tmp_path, 0) for one in ("p*", "whole"))
    assert parts.layout == whole.layout
    assert set(parts.layout.categories) == {"a", "c"}
    got, expected = (
        one.prepare(target="real", scale="none", target_scale="none", dtype="float64") for one in (parts, whole)
    )
    assert np.array_equal(got.train.x[:], expected.train.x[:])


def write_rows(path: Path, rows: list[list[Any]]) -> None:
    """Write rows of columns a, b, c and y in the format of the ending."""
    columns = dict(zip("abcy", map(list, zip(*rows, strict=True)), strict=True))
    if path.suffix == ".parquet":
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.table(columns), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(dict(zip("abcy", row, strict=True))) + "\n" for row in rows))
    else:
        lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
        path.write_text("\n".join(["a,b,c,y", *lines]))


def test_a_column_that_an_earlier_file_decided_stays_so(tmp_path: Path, section: Section) -> None:
    for number, cell in enumerate(("", "1.5", "x")):
        (tmp_path / f"p{number}.csv").write_text(f"a,b,y\n{cell},1,2.5\n,2,3.5\n")
    with pytest.raises(DataError, match=r'p2\.csv row 2, column "a": "x" is no number, .* in an earlier file'):
        load(section("p*.csv"), tmp_path, 0)


def test_a_target_that_the_first_file_lacks_is_a_fault_of_its_row(tmp_path: Path, section: Section) -> None:
    for number, cells in enumerate((",", "no,yes", "1,2")):
        first, second = cells.split(",")
        (tmp_path / f"p{number}.csv").write_text(f"a,y\n1,{first}\n2,{second}\n")
    with pytest.raises(DataError, match=r'p0\.csv row 2, column "y": the target is missing'):
        load(section("p*.csv"), tmp_path, 0)


@pytest.mark.parametrize("words", ["an Excel workbook", "a zip archive", "a pickle", "a PNG picture", "a JSON array"])
def test_an_unknown_ending_is_looked_into(tmp_path: Path, section: Section, words: str) -> None:
    (tmp_path / "t.xyz").write_bytes(OTHERS[words])
    with pytest.raises(DataError, match=f'"t.xyz" is {words}') as caught:
        load(section("t.xyz"), tmp_path, 0)
    assert caught.value.key == "data.path"


JSON_FAULTS = {
    "no JSON": ('{"a": 1, "y": 2}\n{"a": 1,\n', "t.jsonl row 2: no JSON"),
    "no object": ('{"a": 1, "y": 2}\n[1]\n', 't.jsonl row 2: "\\[1\\]" is no object'),
    "twice": ('{"a": 1, "a": 2}\n', "row 1: no JSON .a key is given twice"),
    "NaN": ('{"a": NaN, "y": 2}\n', "NaN is no number of JSON"),
    "mixed": ('{"a": 1, "y": 2}\n\n{"a": "x", "y": 3}\n', 't.jsonl row 3, column "a": .* is no number'),
    "mixed text": ('{"a": "x", "y": 2}\n{"a": 1, "y": 3}\n', 't.jsonl row 2, column "a": "1" is no text'),
    "nested": ('{"a": [1], "y": 2}\n', 'column "a": "\\[1\\]" \\(list\\) is no number, boolean, text or date'),
    "too large": ('{"a": 1, "y": 2}\n{"a": 1' + "0" * 400 + ', "y": 3}\n', 'row 2, column "a": too large'),
    "empty": ("", "t.jsonl has no rows"),
}


@pytest.mark.parametrize(("content", "message"), JSON_FAULTS.values(), ids=JSON_FAULTS)
def test_damaged_json_lines_are_one_clear_line(tmp_path: Path, section: Section, content: str, message: str) -> None:
    (tmp_path / "t.jsonl").write_text(content)
    with pytest.raises(DataError, match=message):
        load(section("t.jsonl"), tmp_path, 0)


def test_home_and_standard_input(tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "t.csv").write_bytes(text_of(ROWS))
    monkeypatch.setattr(files, "_piped", lambda stream: text_of(ROWS))
    home, piped = read(Path("/"), section, "~/t.csv"), read(Path("/"), section, "-")
    assert home.facts.rows == piped.facts.rows
    assert home.facts.files[0][1] == piped.facts.files[0][1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b y\n1 2 no", 'its columns: "a b y"; if spaces are between the columns, set data.csv.delimiter to " "'),
        ("sep=;\na;b;y\n1;2;no", "the first line tells the delimiter alone: set data.csv.skip to 1"),
        ("a,b,y\n1,2,no\n# 9 rows", 'row 3: 1 cell where 3 are .*; if it is none, set data.csv.comment to "#"'),
    ],
)
def test_lines_that_are_no_rows_are_told_apart(tmp_path: Path, section: Section, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(f"{text}\n")
    with pytest.raises(DataError, match=message):
        load(section("t.csv", target="y"), tmp_path, 0)
