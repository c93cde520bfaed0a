"""Tables of text: every dialect gives the same columns, every damaged table one line that names the place."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest

from numbann.data.delimited import chunks
from numbann.data.files import InputFile
from numbann.data.readers import FORMATS
from numbann.data.reading import reading_from_section
from numbann.data.source import SplitData
from numbann.data.transforms.categories import Categories
from numbann.errors import DataError

Load = Callable[..., SplitData]
PLAIN = "a,b,y\n1,x,0.5\n2,y,1.5\n3,x,2.5\n"


def x_of(source: SplitData) -> list[list[float]]:
    dataset = source.prepare(target="real", scale="none", target_scale="none", dtype="float64")
    return dataset.train.x.tolist()


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        "\ufeff" + PLAIN,
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", "|"),
        PLAIN.replace(",", " , "),
        PLAIN.replace("x", '"x"').replace("1,", '"1",'),
        PLAIN.rstrip("\n"),
        "\n" + PLAIN.replace("\n", "\n\n"),
    ],
)
def test_dialects_of_one_table_read_alike(load_table: Load, content: str) -> None:
    source = load_table(content)
    assert source.facts.features == ("a", "b")
    assert x_of(source) == [[1, 1, 0], [2, 0, 1], [3, 1, 0]]


def test_packed_and_tab_separated_tables(load_table: Load) -> None:
    for name in ("t.csv.gz", "t.tsv.gz"):
        content = gzip.compress(PLAIN.replace(",", "\t").encode())
        assert load_table(content, name=name).facts.delimiter == "\t"
    assert load_table(PLAIN, name="t.data", format="csv").facts.format == "csv"


def test_quoted_cells_may_hold_delimiters_quotes_and_lines(load_table: Load) -> None:
    source = load_table('a,y\n"p, ""q""\nr",1.5\ns,2.5\n')
    assert source.layout.categories == {"a": Categories(('p, "q"\nr', "s"))}


def test_header_of_the_spec_or_none(load_table: Load) -> None:
    assert load_table("1,0.5\n2,1.5\n", target="1", csv={"header": False}).facts.features == ("0",)
    assert load_table("1,0.5\n2,1.5\n", target="t", csv={"header": ["f", "t"]}).facts.features == ("f",)


def test_features_and_drop_choose_columns(load_table: Load) -> None:
    table = "a,b,c,y\n1,2,3,0.5\n4,5,6,1.5\n"
    assert x_of(load_table(table, features=["c", "a"])) == [[3, 1], [6, 4]]
    assert x_of(load_table(table, drop=["b"])) == [[1, 3], [4, 6]]


def test_numbers_as_categories(load_table: Load) -> None:
    source = load_table("a,y\n10,0.5\n9,1.5\n10,2.5\n", categorical=["a"])
    assert source.layout.categories == {"a": Categories(("10", "9"))}
    assert x_of(source) == [[1, 0], [0, 1], [1, 0]]


def test_an_own_list_of_missing_marks(load_table: Load) -> None:
    table = "a,y\n1,0.5\n-999,1.5\n3,2.5\n"
    assert x_of(load_table(table, csv={"na": ["-999"]}, missing="mean")) == [[1], [2], [3]]


def test_chunks_do_not_show(load_table: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f'{i}.25,"t{i % 3}\n",{i}.5' for i in range(50)] + [f"{i}.25,t{i % 3},{i}.5" for i in range(50, 90)]
    whole = x_of(load_table("a,b,y\n" + "\n".join(rows)))
    monkeypatch.setattr(chunks, "CHUNK_CHARACTERS", 40)
    assert x_of(load_table("a,b,y\n" + "\n".join(rows))) == whole
    assert np.array(whole)[:, 0].tolist() == [i + 0.25 for i in range(90)]


def test_labels_of_a_table_of_numbers_stay_as_written(load_table: Load) -> None:
    rows = "".join(f"{i}.5,{i % 2}\n" for i in range(40))
    assert load_table("a,y\n" + rows).task.classes_or_pairs == (0, 1)
    classes = load_table("a,y\n" + rows.replace(",0", ",0.0").replace(",1", ",1.0")).task.classes_or_pairs
    assert [type(label) for label in classes or ()] == [float, float]


def test_a_column_without_name_is_noted(load_table: Load) -> None:
    assert [one.kind for one in load_table(",a,y\n0,1,0.5\n1,2,1.5\n").facts.findings] == ["index"]


LOCAL = "a;b;y\n1.234,5;12,5%;0,5\n-2,25 ; 7% ;1,5\n?;100;2\n"


def test_numbers_in_another_notation(load_table: Load) -> None:
    keys = {"decimal": ",", "thousands": ".", "percent": True}
    assert x_of(load_table(LOCAL, missing="mean", csv=keys)) == [[1234.5, 12.5], [-2.25, 7], [616.125, 100]]
    targets = load_table(LOCAL, missing="mean", csv=keys).parts["train"][0].targets["y"]
    assert targets.original.tolist() == [0.5, 1.5, 2.0]
    for wrong in ("1.23,5", "1.5", "1,5,5", "12%%"):
        with pytest.raises(DataError, match=r't\.csv row 2, column "a"|t\.csv row 3, column "a"'):
            load_table(LOCAL.replace("1.234,5", wrong), missing="mean", csv=keys)
    whole = load_table("a;y\n1;1.000\n2;2.000\n3;1.000\n", csv={"decimal": ",", "thousands": "."})
    assert whole.parts["train"][0].targets["y"].original.tolist() == [1000, 2000, 1000]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-8-sig", "shift-jis"])
def test_other_encodings(load_table: Load, encoding: str) -> None:
    content = 'town,y\n"caf\n1",0.5\n\u00e9,1.5\n'.replace("\u00e9", "\u6771" if encoding == "shift-jis" else "\u00e9")
    source = load_table(content.encode(encoding), csv={"encoding": encoding})
    assert source.layout.encoding().inputs == 2
    with pytest.raises(DataError, match=r"t\.csv row \d+: not text in ascii; correct data.csv.encoding"):
        load_table("a,y\n1,0.5\n\u00e9,1.5\n", csv={"encoding": "ascii"})


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_that_are_no_rows(load_table: Load, end: str) -> None:
    lines = ["an export,of,2026", "# made by hand", *PLAIN.splitlines()[:2], "#1,2,3", *PLAIN.splitlines()[2:], "# end"]
    keys = {"skip": 1, "comment": "#"}
    assert x_of(load_table(end.join(lines), csv=keys)) == [[1, 1, 0], [2, 0, 1], [3, 1, 0]]
    with pytest.raises(DataError, match=r't\.csv row 7, column "a": "z" is no number'):
        load_table(end.join(lines).replace("3,x", "z,x"), csv=keys)


FAULTS = {
    "empty": ("", "t.csv is empty"),
    "header only": ("a,y\n", "has a header but no rows"),
    "ragged": ("a,b,y\n1,2,3.5\n1,2\n", r't.csv row 3: 2 cells where 3 are expected \(delimiter ","\)'),
    "ragged numbers": ("a,y\n" + "1,2.5\n" * 9 + "1,2,3\n", "t.csv row 11: 3 cells where 2"),
    "duplicate names": ("a,a,y\n1,2,3\n", 'two columns are named "a"'),
    "mixed": ("a,y\n1,0.5\n\nabc,1.5\n", r't.csv row 4, column "a": "abc" is no number .*\(row 2\).*data.csv.na'),
    "mixed text": ("a,y\nx,0.5\n7,1.5\n", '"7" is a number in a column of text .*data.categorical'),
    "after a quoted line": ('a,b,y\n1,"p\nq",0.5\nabc,r,1.5\n', "t.csv row 4"),
    "underscore": ("a,y\n1_000,0.5\n2,1.5\n", '"2" is a number'),
    "too large": ("a,y\n1,0.5\n1e400,1.5\n", 't.csv row 3, column "a": "1e400" is too large'),
    "missing number": ("a,y\n1,0.5\n?,1.5\n", 't.csv row 3, column "a": a missing number; .*data.missing'),
    "missing target": ("a,y\n1,0.5\n2,\n", 't.csv row 3, column "y": the target is missing'),
    "not UTF-8": (b"a,y\n1,0.5\n\xe9,1.5\n", "t.csv row 3: not UTF-8"),
    "open quote": ('a,y\n1,0.5\n"2,1.5\n', "t.csv row 3: a quote opens a cell in this row, and none closes it"),
    "open quote further down": ('a,b,y\n1,2,0.5\n1,"x,1.5\n2,3,4.5\n', "t.csv row 3: a quote opens a cell in this row"),
    "no header": ("0.942,-1.397,n\n0.1,0.2,p\n", "its columns: .*; if the first row is no header, set data.csv.header"),
    "no header twice": ("0.5,0.5,y\n0.1,0.2,3\n", 'two columns are named "0.5"; if the first row is no header'),
    "no number": ("a,y\n,0.5\n,1.5\n", "a missing number"),
}


@pytest.mark.parametrize(("content", "message"), FAULTS.values(), ids=FAULTS)
def test_a_damaged_table_is_one_clear_line(load_table: Load, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load_table(content)
    assert "\n" not in str(caught.value)


def test_a_truncated_gzip_is_one_clear_line(load_table: Load) -> None:
    packed = gzip.compress(("a,y\n" + "".join(f"{i},{i}.5\n" for i in range(2000))).encode())
    for content in (packed[:-20], b"plain", packed[:40]):
        with pytest.raises(DataError, match="not a whole gzip file"):
            load_table(content, name="t.csv.gz")


@pytest.mark.parametrize(
    ("changes", "message", "key"),
    [
        ({"target": "q"}, 'no column "q"', "data.target"),
        ({"target": "heigth"}, 'did you mean "height"', "data.target"),
        ({"target": None}, "needs a target", "data.target"),
        ({"features": ["heigth"]}, 'did you mean "height"', "data.features"),
        ({"drop": ["hight"]}, 'did you mean "height"', "data.drop"),
        ({"drop": ["height"]}, "no column is left", "data.features"),
        ({"categorical": ["hight"]}, 'did you mean "height"', "data.categorical"),
        ({"csv": {"delimiter": ", "}}, "one character", "data.csv.delimiter"),
        ({"csv": {"header": ["a"]}}, 'no column "y"', "data.target"),
    ],
)
def test_a_fault_of_the_spec_names_its_key(load_table: Load, changes: dict, message: str, key: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load_table("height,y\n1,0.5\n2,1.5\n", **changes)
    assert caught.value.key == key


class Counting(io.BytesIO):
    """A file that counts the bytes read of it."""

    total = 0

    def read1(self, size: int | None = -1) -> bytes:
        content = super().read1(size)
        Counting.total += len(content)
        return content


@pytest.mark.parametrize("format", ["csv", "tsv"])
def test_a_header_is_read_without_the_rows_below(
    section: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    content = b"a\tb\n" + b"1\t2\n" * 500_000
    monkeypatch.setattr(InputFile, "open", lambda file: Counting(content))
    monkeypatch.setattr(Counting, "total", 0)
    header = FORMATS[format].header
    assert header is not None
    assert header(InputFile("t", Path("t")), reading_from_section(section("t"))) == ("a", "b")
    assert 0 < Counting.total < 100_000


@pytest.mark.parametrize(("cell", "columns"), [("1", 3000), ("u", 3000), ("1", 100_000)])
def test_many_columns_are_read_in_linear_time(load_table: Load, cell: str, columns: int) -> None:
    """Seconds for 100 000 columns, not minutes, as where each is looked for among all names."""
    row, begin = ",".join([cell] * columns), perf_counter()
    source = load_table(",".join(f"c{k}" for k in range(columns)) + f",y\n{row},1.5\n{row},2.5\n")
    assert source.facts.inputs == columns
    assert perf_counter() - begin < 40


def test_many_categories_coded_as_numbers_are_read_in_linear_time(load_table: Load) -> None:
    names, begin = [f"c{k}" for k in range(3000)], perf_counter()
    rows = "".join(f"{','.join([str(row % 2)] * 3000)},{row}.5\n" for row in range(8))
    source = load_table(f"{','.join(names)},y\n{rows}", categorical=names)
    assert source.facts.inputs == 6000
    assert perf_counter() - begin < 20


def test_of_a_mixed_column_the_rarer_kind_is_to_blame(load_table: Load) -> None:
    with pytest.raises(
        DataError, match=r't.csv row 2, column "a": "N/A" is no number in a column of numbers \(row 3\)'
    ):
        load_table("a,y\nN/A,0.5\n" + "0.8,1.5\n" * 5)
    with pytest.raises(DataError, match=r't.csv row 2, column "a": "7" is a number in a column of text \(row 3\)'):
        load_table("a,y\n7,0.5\n" + "p,1.5\n" * 5)
