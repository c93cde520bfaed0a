"""One table gives the same inputs, targets and predictions, whatever file or Python object it comes in."""

from __future__ import annotations

import csv
import gzip
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbann.data.columns import as_texts, column_from_array, text_of
from numbann.data.frames import plain
from numbann.data.preprocessing import Preprocessing
from numbann.data.source import load
from numbann.errors import DataError

Section = Callable[..., dict[str, Any]]
ROWS = [
    f"{age},{town},{member},{code},{(' low', 'high')[k % 2]},{k % 3 > 0}"
    for k, (age, town, member, code) in enumerate(
        zip(
            ["30", "41.5", "?", "52", "28", " 33"] * 4,
            ["Rome", " Oslo", "?", "Rome ", "NA", ""] * 4,
            ["true", "FALSE", "True", "false", "true", "TRUE"] * 4,
            ["7", "8", "7", "9", "8", "7"] * 4,
            strict=True,
        )
    )
]
TEXT = "age,town,member,code,level,y\n" + "\n".join(ROWS) + "\n"
CHANGES = {"missing": "median", "categorical": ["code"]}


def frame_of(name: str, file: Path) -> Any:
    """The table as a library reads it."""
    library = pytest.importorskip({"arrow": "pyarrow.csv"}.get(name, name))
    return library.read_csv(file)


def arrow_of(file: Path, **types: str) -> Any:
    """The table as Arrow reads it, in chunks, with nulls for missing cells, and dictionaries of these types."""
    arrow, reader = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.csv")
    options = reader.ConvertOptions(null_values=["?", "NA", ""], strings_can_be_null=True)
    table = reader.read_csv(file, convert_options=options)
    for name, kind in types.items():
        column = table[name].cast(kind).dictionary_encode()
        table = table.set_column(table.column_names.index(name), name, column)
    return arrow.concat_tables([table[:7], table[7:8], table[8:]])


def records(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


KINDS: dict[str, Callable[[Path], Any]] = {
    "pandas": lambda file: frame_of("pandas", file),
    "pandas with types of its own": lambda file: frame_of("pandas", file).convert_dtypes(),
    "pandas categories": lambda file: frame_of("pandas", file).astype({"town": "category", "code": "category"}),
    "polars": lambda file: frame_of("polars", file),
    "arrow": lambda file: frame_of("arrow", file),
    "arrow batch": lambda file: frame_of("arrow", file).combine_chunks().to_batches()[0],
    "arrow with nulls": arrow_of,
    "arrow with dictionaries of text": lambda file: arrow_of(file, town="string", level="large_string"),
    "arrow with dictionaries of numbers": lambda file: arrow_of(file, age="float64", code="int64"),
    "arrow with dictionaries of booleans": lambda file: arrow_of(file, member="bool"),
    "rows by name": records,
    "columns by name": lambda file: {name: [row[name] for row in records(file)] for name in records(file)[0]},
    "rows": lambda file: [list(row.values())[:5] for row in records(file)],
    "text": lambda file: np.array([list(row.values())[:5] for row in records(file)]),
    "objects": lambda file: np.array([list(row.values())[:5] for row in records(file)], object),
}


@pytest.fixture(params=["csv", "parquet"])
def fitted(request: pytest.FixtureRequest, tmp_path: Path, section: Section) -> Preprocessing:
    """The preprocessing of the table, read from one format."""
    (tmp_path / "t.csv").write_text(TEXT)
    if request.param == "parquet":
        write_parquet(tmp_path)
    source = load(section(f"t.{request.param}", **CHANGES), tmp_path, 0)
    assert source.facts.inputs == 1 + 3 + 1 + 3 + 2, "age, town, member, code, level"
    return source.prepare(target="binary", scale="standard", target_scale="none", dtype="float32").preprocessing


def write_parquet(folder: Path) -> None:
    """The table with a type for each column; only in the ages are missing cells marked as such."""
    parquet = pytest.importorskip("pyarrow.parquet")
    from pyarrow.csv import ConvertOptions, read_csv

    options = ConvertOptions(column_types={"age": "float64"}, null_values=["?"])
    parquet.write_table(read_csv(folder / "t.csv", convert_options=options), folder / "t.parquet")


@pytest.mark.parametrize("kind", KINDS)
def test_frames(fitted: Preprocessing, tmp_path: Path, kind: str) -> None:
    expected = fitted.read(tmp_path / "t.csv", need_target=False)
    assert not expected.warnings
    np.testing.assert_array_equal(fitted.transform(KINDS[kind](tmp_path / "t.csv")), expected.x)


@pytest.mark.parametrize("kind", ["string", "large_string", "int64", "float64", "bool"])
def test_nulls_of_arrow(kind: str) -> None:
    """Each column is that of Python's values, in one dictionary or none, in several chunks or one."""
    arrow = pytest.importorskip("pyarrow")
    values = {"int64": [3, None, 7, 3, None], "float64": [3.5, None, 7.0, 3.5, None], "bool": [True, None, False] * 2}
    given = values.get(kind, ["a", None, "b", "a", None])
    whole = arrow.array(given, kind)
    for array in (whole, *([] if kind == "bool" else [whole.dictionary_encode()])):
        for column in (arrow.chunked_array([array]), arrow.chunked_array([array[:1], array[1:2], array[2:]]), array):
            found = column_from_array(plain(column))
            assert as_texts(found).original.tolist() == [None if one is None else text_of(one) for one in given]


def test_files(fitted: Preprocessing, tmp_path: Path) -> None:
    expected = fitted.read(tmp_path / "t.csv", need_target=True)
    (tmp_path / "t.tsv").write_text(TEXT.replace(",", "\t"))
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(TEXT.encode()))
    write_parquet(tmp_path)
    for name in ("t.tsv", "t.csv.gz", "t.parquet"):
        found = fitted.read(tmp_path / name, need_target=True)
        np.testing.assert_array_equal(found.x, expected.x)
        labels = [fitted.task.encode(given, "label", "") for given in (found.raw_target, expected.raw_target)]
        np.testing.assert_array_equal(*labels)


def test_a_column_without_a_name(tmp_path: Path, section: Section) -> None:
    rows = "".join(f"{k},{k % 5},{k}.5\n" for k in range(20))
    (tmp_path / "t.csv").write_text(f",a,y\n{rows}")
    fitted = load(section("t.csv"), tmp_path, 0).prepare(
        target="real", scale="standard", target_scale="none", dtype="float32"
    )
    for library in ("pandas", "polars", "arrow"):
        frame = frame_of(library, tmp_path / "t.csv")
        np.testing.assert_array_equal(fitted.preprocessing.transform(frame), fitted.train.x)


def test_a_row_by_name(fitted: Preprocessing, tmp_path: Path) -> None:
    expected = fitted.read(tmp_path / "t.csv", need_target=False).x
    row = records(tmp_path / "t.csv")[1]
    np.testing.assert_array_equal(fitted.transform(row), expected[1:2])
    np.testing.assert_array_equal(fitted.transform(row | {"age": 41.5, "member": False, "code": 8}), expected[1:2])


NUMBERS, MARKS = ["1", "2.5", "1.0", "01", " 2", "-3e2"], ["?", "", "NA", "nan"]
CELLS = [*NUMBERS, *MARKS, "true", "TRUE", "False", "x", " x ", "None", "inf", "1_0"]
CASES = int(os.environ.get("CASES", "150"))


def outcome(get: Callable[[], Any]) -> Any:
    """The inputs, or that there are none."""
    try:
        return get().tolist()
    except DataError:
        return "refused"


@pytest.mark.filterwarnings("ignore::UserWarning")  # of categories that are new
def test_any_cells(tmp_path: Path, section: Section) -> None:
    """Tables of odd cells: what a file gives, its texts in Python give, and what it refuses, they do."""
    draw, compared = random.Random(0), 0

    def rows(kinds: list[list[str]]) -> list[list[str]]:
        return [[draw.choice(kind) for kind in kinds] for _ in range(draw.randint(2, 6))]

    for _ in range(CASES):
        kinds = [draw.sample(CELLS, draw.randint(1, 4)) for _ in "abc"]
        for name, table in (("t.csv", rows(kinds)), ("new.csv", rows(kinds))):
            lines = [",".join([*row, f"{k}.5"]) for k, row in enumerate(table)]
            (tmp_path / name).write_text("\n".join(["a,b,c,y", *lines]))
        changes = {"missing": draw.choice(("error", "mean")), "categorical": draw.choice(([], ["a"]))}
        try:
            fitted = load(section("t.csv", **changes), tmp_path, 0).prepare(
                target="real", scale="standard", target_scale="none", dtype="float32"
            )
        except DataError:
            continue
        for name in ("t.csv", "new.csv"):
            read, given = fitted.preprocessing, records(tmp_path / name)
            expected = outcome(lambda read=read, name=name: read.read(tmp_path / name, need_target=False).x)
            objects = np.array([list(row.values())[:3] for row in given], object)
            for one in (given, objects, objects.astype(str).tolist()):
                assert outcome(lambda read=read, one=one: read.transform(one)) == expected, (name, given)
            compared += expected != "refused"
    assert compared > CASES / 4
