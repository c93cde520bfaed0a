"""Preprocessing survives JSON, and treats new files and Python data as it treated the training data."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from numbann.data.preprocessing import Preprocessing
from numbann.data.source import SplitData, load
from numbann.data.tasks.task import Outcome
from numbann.errors import DataError, ShapeError

Load = Callable[..., SplitData]
TABLE = "age,town,y\n30,Rome,no\n41.5,Oslo,yes\n?,,no\n52,Rome,yes\n"


@pytest.fixture
def fitted(load_table: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Preprocessing:
    monkeypatch.chdir(tmp_path)
    source = load_table(TABLE, missing="mean")
    return source.prepare(target="binary", scale="standard", target_scale="none", dtype="float32").preprocessing


def test_json_gives_it_back(fitted: Preprocessing) -> None:
    again = Preprocessing.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert again == fitted
    assert (again.encoding.features, again.encoding.inputs) == (("age", "town"), 4)
    assert (again.task.classes_or_pairs, again.task.names) == (("no", "yes"), ("y",))


def test_the_training_file_reads_as_it_was_prepared(load_table: Load, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    dataset = load_table(TABLE, missing="mean").prepare(
        target="binary", scale="standard", target_scale="none", dtype="float32"
    )
    x, raw_target, _, _, warnings = dataset.preprocessing.read("t.csv", need_target=True)
    assert raw_target is not None
    np.testing.assert_array_equal(x, dataset.train.x)
    np.testing.assert_array_equal(dataset.preprocessing.task.encode(raw_target, "binary", "float32"), dataset.train.t)
    assert x.dtype == np.float32
    assert not warnings


def test_a_new_file_may_lack_the_target_and_have_more_columns(fitted: Preprocessing) -> None:
    Path("new.csv").write_text("id,town,age\n7,Oslo,41.5\n8,Paris,30\n")
    x, raw_target, _, _, warnings = fitted.read("new.csv", need_target=False)
    assert raw_target is None
    assert x[:, 1:].tolist() == [[1, 0, 0], [0, 0, 0]]
    assert "1 row with a category" in warnings[0]
    with pytest.raises(DataError, match='no column "y"'):
        fitted.read("new.csv", need_target=True)


def test_standard_input_is_a_table(fitted: Preprocessing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"town;age\nRome;30\n")))
    x, _, _, _, _ = fitted.read("-", need_target=False)
    assert x[0, 1:].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("town,y\nRome,no\n", 'new.csv has no column "age"'),
        (
            "age,town,y\n3,Rome,no\n30,Rome,maybe\n4,Rome,x\n",
            'new.csv row 3, column "y": "maybe" is no class of the model, which knows "no", "yes", nor is "x"; correct',
        ),
        ("age,town,y\nold,Rome,no\n", '"old" is no number, but the column holds no text in the training data'),
        ("age,town,y\n30,Rome,\n", "the target is missing"),
    ],
)
def test_new_files_that_do_not_fit(fitted: Preprocessing, content: str, message: str) -> None:
    Path("new.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        fitted.read("new.csv", need_target=True)


ROWS = [[41.5, "Oslo"], [30, "Rome"]]


@pytest.mark.parametrize(
    "given",
    [
        ROWS,
        np.array(ROWS, dtype=object),
        np.array(ROWS),
        {"town": ["Oslo", "Rome"], "age": [41.5, 30], "more": [1, 2]},
        {"town": np.array(["Oslo", " Rome"]), "age": ["41.5", "30"]},
    ],
)
def test_transform_takes_rows_and_columns(fitted: Preprocessing, given: Any) -> None:
    x = fitted.transform(given)
    assert x[:, 1:].tolist() == [[1, 0, 0], [0, 1, 0]]
    np.testing.assert_allclose(
        x[:, 0],
        (np.array([41.5, 30]) - fitted.encoding.groups[0].scales[0].shift) / fitted.encoding.groups[0].scales[0].scale,
        rtol=1e-6,
    )


def test_transform_takes_frames(fitted: Preprocessing) -> None:
    class Frame(dict):
        columns = property(lambda self: list(self.keys()))

    x = fitted.transform(Frame(age=np.array([np.nan, 30]), town=np.array([None, "Rome"], dtype=object)))
    assert x[:, 1:].tolist() == [[0, 0, 1], [0, 1, 0]]
    assert x[0, 0] == 0


def test_transform_warns_of_unseen_categories(fitted: Preprocessing) -> None:
    with pytest.warns(UserWarning, match=r'1 row with a category .*"Paris"') as told:
        assert fitted.transform([[30, "Paris"]])[0, 1:].tolist() == [0, 0, 0]
    assert [one.filename for one in told] == [__file__]  # the line of the caller


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([[1.0]], ShapeError, r"shape \(1, 1\); rows of features are needed: \(N, 2\)"),
        (np.zeros(2), ShapeError, r"shape \(2,\)"),
        ({"age": [1]}, DataError, 'no column "town"'),
        ({"age": [1, 2], "town": ["Rome"]}, ShapeError, "as long as each other"),
        ([["old", "Rome"]], DataError, '"old" is no number'),
        ({"age": [np.inf], "town": ["Rome"]}, DataError, "infinite"),
    ],
)
def test_python_data_that_does_not_fit(fitted: Preprocessing, given: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        fitted.transform(given)


def test_a_missing_number_is_an_error_where_training_had_no_filling(load_table: Load) -> None:
    source = load_table("a,b,y\n1,2,0.5\n3,4,1.5\n")
    fitted = source.prepare(target="real", scale="none", target_scale="none", dtype="float32").preprocessing
    with pytest.raises(DataError, match='row 2, column "b": a missing number'):
        fitted.transform(np.array([[1, 2], [3, np.nan]]))


def test_categories_coded_as_numbers_match_numbers(load_table: Load) -> None:
    source = load_table("a,y\n3,0.5\n4,1.5\n", categorical=["a"])
    fitted = source.prepare(target="real", scale="none", target_scale="none", dtype="float32").preprocessing
    for given in (np.array([[4]]), np.array([[4.0]]), [["4"]], {"a": [4]}):
        assert fitted.transform(given).tolist() == [[0, 1]]


def test_arrays_are_read_by_position(tmp_path: Path, section: Callable[..., Any]) -> None:
    x, y = np.arange(12.0).reshape(4, 3), np.array([0.5, 1, 2, 3])
    np.savez(tmp_path / "d.npz", x=x, y=y)
    np.save(tmp_path / "new.npy", x[:2])
    fitted = (
        load(section("d.npz", None), tmp_path, 0)
        .prepare(target="real", scale="none", target_scale="standard", dtype="float64")
        .preprocessing
    )
    got, raw_target, _, _, _ = fitted.read(str(tmp_path / "new.npy"), need_target=False)
    assert raw_target is None
    np.testing.assert_array_equal(got, x[:2])
    np.testing.assert_array_equal(fitted.transform(x[:2]), x[:2])
    got, raw_target, _, _, _ = fitted.read({"x": tmp_path / "d.npz:x", "y": tmp_path / "d.npz:y"}, need_target=True)
    assert raw_target is not None
    np.testing.assert_array_equal(raw_target[:, 0], y)
    t = fitted.task.encode(raw_target, "real", "float64")
    np.testing.assert_allclose(fitted.task.predictions(Outcome(t, "real", "identity")), y)
