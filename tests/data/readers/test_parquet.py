"""Parquet tables: columns of every kind that can be trained on, as in a table of text, and one line for what cannot."""

from __future__ import annotations

import decimal
import gzip
import subprocess
import sys
from collections.abc import Callable
from datetime import date, time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.data import memory
from numbann.data.encoding import Categories
from numbann.data.source import SplitData, load
from numbann.errors import DataError

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

Section = Callable[..., dict[str, Any]]
Write = Callable[..., SplitData]
AGES = [30, 41, None, 52, 28, 33]
TOWNS = ["Rome", " Oslo", None, "Rome ", "Oslo", ""]
Y = ["no", "yes", "no", "yes", "no", "yes"]


@pytest.fixture
def write(tmp_path: Path, section: Section) -> Write:
    """write(columns, target, **changes): the columns in row groups of two, and loaded."""

    def build(columns: dict[str, Any], target: Any = "y", **changes: Any) -> SplitData:
        parquet.write_table(pa.table(columns), tmp_path / "t.parquet", row_group_size=2)
        return load(section("t.parquet", target, **changes), tmp_path, 0)

    return build


def inputs(source: SplitData, scale: str = "none") -> list[list[float]]:
    prepared = source.prepare(target="label", scale=scale, target_scale="none", dtype="float64")
    return prepared.train.x[:].tolist()


@pytest.mark.parametrize(
    "kind",
    ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float", "double"],
)
def test_numbers(write: Write, kind: str) -> None:
    source = write({"a": pa.array(AGES, kind), "b": pa.array(range(6), kind), "y": Y}, missing="mean")
    assert source.facts.features == ("a", "b")
    assert (source.facts.format, source.facts.scale) == ("parquet", "standard")
    mean = np.mean([age for age in AGES if age is not None])
    assert inputs(source) == [[mean if age is None else age, k] for k, age in enumerate(AGES)]


def test_other_numbers(write: Write) -> None:
    half = pa.array(np.array([0.5, 1, 2, 4, 8, 16], np.float16))
    money = pa.array([decimal.Decimal(f"{k}.25") for k in range(6)], pa.decimal128(9, 2))
    coded = pa.array([7, 8, 7, 8, 7, 8]).dictionary_encode()
    source = write({"half": half, "money": money, "coded": coded, "y": Y})
    assert inputs(source)[3] == [4, 3.25, 8]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
@pytest.mark.parametrize("dictionary", [False, True])
def test_text_is_stripped_and_null_is_missing(write: Write, kind: Any, dictionary: bool) -> None:
    if dictionary and kind == pa.string_view():
        pytest.skip("pyarrow has no dictionary of these")
    towns = pa.array(TOWNS, pa.string() if dictionary else kind)
    source = write({"town": towns.cast(pa.dictionary(pa.int32(), kind)) if dictionary else towns, "y": Y})
    assert source.layout.categories == {"town": Categories(("Oslo", "Rome", None))}
    assert inputs(source) == np.eye(3)[[1, 0, 2, 1, 0, 2]].tolist()


def test_dictionaries_may_differ_between_row_groups(tmp_path: Path, section: Section) -> None:
    schema = pa.schema({"t": pa.dictionary(pa.int8(), pa.string()), "y": pa.float64()})
    with parquet.ParquetWriter(tmp_path / "t.parquet", schema) as writer:
        for texts in (["b", "a", "b"], ["c", None, "a"]):
            column = pa.array(texts).dictionary_encode().cast(schema.field("t").type)
            writer.write_table(pa.table({"t": column, "y": [0.5, 1.5, 2.5]}, schema=schema))
    source = load(section("t.parquet"), tmp_path, 0)
    assert inputs_of_regression(source) == np.eye(4)[[1, 0, 1, 2, 3, 0]].tolist()


def inputs_of_regression(source: SplitData) -> list[list[float]]:
    return source.prepare(target="real", scale="none", target_scale="none", dtype="float64").train.x[:].tolist()


def test_booleans(write: Write) -> None:
    seen = [True, False, True, None, False, True]
    source = write({"a": seen, "b": [True, False] * 3, "y": [True, False] * 3}, missing="median")
    assert source.task.classes_or_pairs == (False, True)
    assert inputs(source) == [[1, 1], [0, 0], [1, 1], [1, 0], [0, 1], [1, 0]]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()], ids=str)
def test_bytes_are_text(write: Write, kind: Any) -> None:
    source = write({"a": pa.array([b"u", b" v", None] * 2, kind), "y": Y})
    assert source.layout.categories == {"a": Categories(("u", "v", None))}


def test_numbers_as_categories(write: Write) -> None:
    source = write({"a": [3, None, 4, 3, 4, 3], "b": [0.5, 1.0] * 3, "y": Y}, categorical=["a", "b"])
    assert source.layout.categories == {"a": Categories(("3", "4", None)), "b": Categories(("0.5", "1"))}


def test_whole_numbers_are_classes_as_they_came(write: Write) -> None:
    source = write({"a": list(range(40)), "y": [3, 5] * 20})
    assert source.task.classes_or_pairs == (3, 5)
    assert source.task.name == "classification"
    assert write({"a": list(range(40)), "y": [0.5, 5] * 20}).task.name == "regression"


def test_weights(write: Write) -> None:
    source = write({"a": list(range(6)), "w": [1, 2, 3, 4, 5, 6], "y": Y}, weight="w")
    assert source.facts.features == ("a",)
    part = source.prepare(target="label", scale="none", target_scale="none", dtype="float32").train
    assert part.weight is not None
    assert part.weight.tolist() == [1, 2, 3, 4, 5, 6]


def test_it_reads_as_the_same_table_of_text(write: Write, tmp_path: Path, section: Section) -> None:
    names = {"age": AGES, "town": ["Rome", "Oslo", None, "Rome", "Oslo", "Rome"], "y": Y}
    source = write(names, missing="mean")
    rows = zip(*names.values(), strict=True)
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
    (tmp_path / "t.csv").write_text("\n".join([",".join(names), *lines]))
    same = load(section("t.csv", missing="mean"), tmp_path, 0)
    assert inputs(source, "standard") == inputs(same, "standard")
    assert source.task.classes_or_pairs == same.facts.task.classes_or_pairs


@pytest.mark.parametrize(
    ("columns", "changes", "message", "key"),
    [
        ({"a": [time(12, 30)] * 6, "y": Y}, {}, r'column "a" holds time64\[us\]; numbers, booleans', "data.drop"),
        ({"a": [[1]] * 6, "y": Y}, {}, r'column "a" holds list<.*>; numbers', "data.drop"),
        ({"a": AGES, "y": Y}, {}, 't.parquet row 3, column "a": a missing number', "data.missing"),
        ({"a": [1.0, np.inf] * 3, "y": Y}, {}, 't.parquet row 2, column "a": an infinite number', None),
        ({"a": [1] * 6, "y": [*Y[:5], None]}, {}, 't.parquet row 6, column "y": the target is missing', "data.target"),
        ({"a": [1] * 6, "y": Y}, {"target": "z"}, 't.parquet has no column "z"', "data.target"),
        ({"a": pa.nulls(6), "y": Y}, {"missing": "mean"}, 'column "a" has no number', "data.drop"),
        ({"a": pa.array([], pa.int8()), "y": pa.array([], pa.string())}, {}, "has columns but no rows", "data.path"),
    ],
)
def test_faults(write: Write, columns: dict[str, Any], changes: dict, message: str, key: str | None) -> None:
    with pytest.raises(DataError, match=message) as caught:
        inputs(write(columns, **changes))
    assert caught.value.key == key


def test_columns_that_are_left_out_may_hold_anything(write: Write) -> None:
    assert inputs(write({"when": [date(2026, 1, 1)] * 6, "a": [1] * 6, "y": Y}, drop=["when"])) == [[1]] * 6


def test_damaged_files(write: Write, tmp_path: Path, section: Section) -> None:
    write({"a": list(range(6)), "y": Y})
    whole = (tmp_path / "t.parquet").read_bytes()
    for content in (b"", b"text", whole[:-20], whole[4:], whole[:4] + bytes(40) + whole[44:]):
        (tmp_path / "t.parquet").write_bytes(content)
        with pytest.raises(DataError, match=r"t\.parquet: no whole Parquet file \(.*\); write it again") as caught:
            load(section("t.parquet"), tmp_path, 0)
        assert "\n" not in str(caught.value)
        assert caught.value.key == "data.path"


def test_two_columns_of_one_name(tmp_path: Path, section: Section) -> None:
    parquet.write_table(pa.table([[1], [2], [3]], names=["a", "a", "y"]), tmp_path / "t.parquet")
    with pytest.raises(DataError, match='two columns are named "a"; rename one'):
        load(section("t.parquet"), tmp_path, 0)


def test_what_memory_cannot_hold_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 10_000)
    with pytest.raises(DataError, match=r"t\.parquet, 30000 rows: 0\.00048 GB are needed, and 1e-05 GB are free"):
        write({"a": [1] * 30_000, "y": [0.5] * 30_000})


def test_packed(write: Write, tmp_path: Path, section: Section) -> None:
    expected = inputs(write({"a": list(range(6)), "y": Y}))
    (tmp_path / "t.parquet.gz").write_bytes(gzip.compress((tmp_path / "t.parquet").read_bytes()))
    assert inputs(load(section("t.parquet.gz"), tmp_path, 0)) == expected


def test_a_model_predicts_and_is_evaluated_on_it(
    write: Write, tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write({"age": AGES, "town": TOWNS, "y": Y}, missing="median")
    spec = {
        "data": {"path": "t.parquet", "target": "y", "missing": "median", "split": {"validation": 0, "test": 0}},
        "model": {"layers": []},
        "train": {"epochs": 2},
    }
    model = numbann.train(spec, output="run").model
    whole = model.preprocessing.read("t.parquet", need_target=True)
    assert list(whole.raw_target) == Y
    (tmp_path / "new.csv").write_text("town,age\nRome,30\nOslo,41\n,\n")
    parquet.write_table(pa.table({"town": TOWNS[:3], "age": AGES[:3]}), tmp_path / "new.parquet")
    rows = [model.preprocessing.read(f"new.{ending}", need_target=False).x for ending in ("csv", "parquet")]
    np.testing.assert_array_equal(*rows)
    np.testing.assert_array_equal(rows[1], whole.x[:3])
    with pytest.raises(DataError, match=r'new\.parquet has no column "y"'):
        model.preprocessing.read("new.parquet", need_target=True)
    parquet.write_table(pa.table({"town": ["Rome"], "age": ["old"]}), tmp_path / "new.parquet")
    with pytest.raises(DataError, match=r'new\.parquet row 1, column "age": "old" is no number, but the column holds'):
        model.preprocessing.read("new.parquet", need_target=False)


def test_without_pyarrow(write: Write, tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch) -> None:
    write({"a": list(range(6)), "y": Y})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r't\.parquet: Parquet files need pyarrow.*: pip install "numbann\[data\]"'):
        load(section("t.parquet"), tmp_path, 0)


def test_pyarrow_is_imported_for_its_files_alone() -> None:
    code = "import sys; import numbann.spec.checks, numbann.data.source; print('pyarrow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
