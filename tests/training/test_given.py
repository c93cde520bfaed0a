"""Training on rows given in Python: the same model as from a file of the same table."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.errors import NumbannError

SPEC: dict[str, Any] = {"data": {"target": "y"}, "model": {"layers": [6]}, "train": {"epochs": 2}}
ROWS = [
    {
        "a": None if k % 13 == 3 else k / 7,
        "n": k * k % 11,
        "town": None if k == 5 else ["Rome", "Oslo", "Bern"][k % 3],
        "member": k % 4 > 1,
        "y": ["no", "yes"][k % 7 > 3],
    }
    for k in range(80)
]
COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}


def text() -> str:
    cells = [["" if value is None else str(value) for value in row.values()] for row in ROWS]
    return "\n".join(map(",".join, [[*COLUMNS], *cells]))


def polars_frame(**types: str) -> Any:
    polars = pytest.importorskip("polars")
    return polars.DataFrame(COLUMNS).cast({name: getattr(polars, kind) for name, kind in types.items()})


def pandas_frame(**types: Any) -> Any:
    frame = pytest.importorskip("pandas").DataFrame(COLUMNS, index=[f"r{k}" for k in range(80)])
    return frame.convert_dtypes(**types) if types else frame


KINDS = {
    "rows by name": lambda: ROWS,
    "columns by name": lambda: COLUMNS,
    "pandas": pandas_frame,
    "pandas with types of its own": lambda: pandas_frame().convert_dtypes(),
    "pandas of Arrow's types": lambda: pytest.importorskip("pyarrow") and pandas_frame(dtype_backend="pyarrow"),
    "pandas categories": lambda: pandas_frame().astype({"town": "category"}),
    "Polars": polars_frame,
    "Polars categories": lambda: polars_frame(town="Categorical"),
    "Arrow": lambda: pytest.importorskip("pyarrow").table(COLUMNS),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> numbann.Model:
    """The model of the table as a file."""
    folder = tmp_path_factory.mktemp("given")
    (folder / "t.csv").write_text(text())
    spec = {**SPEC, "data": {"path": str(folder / "t.csv"), "target": "y"}}
    return numbann.train(spec, output=folder / "run").model


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_gives_the_bits_of_a_file(model: numbann.Model, tmp_path: Path, kind: str) -> None:
    pytest.importorskip("narwhals")
    rows = KINDS[kind]()
    found = numbann.train(SPEC, data=rows, output=tmp_path / "run").model
    for name, tensor in model.tensors.items():
        assert found.tensors[name].tobytes() == tensor.tobytes(), name
    assert list(found.predict(rows)) == list(model.predict(COLUMNS))
    assert found.evaluate(rows) == model.evaluate(ROWS)
    loaded = numbann.load(tmp_path / "run")
    (tmp_path / "new.csv").write_text(text())
    assert loaded.evaluate(tmp_path / "new.csv") == model.evaluate(ROWS)


def test_a_frame_of_pandas_comes_back_with_its_index(model: numbann.Model) -> None:
    frame = pandas_frame()
    predicted, chances = model.predict(frame), model.predict_proba(frame)
    assert [*predicted.index] == [*chances.index] == [*frame.index]
    assert (predicted.name, [*chances.columns]) == ("y", ["no", "yes"])
    np.testing.assert_array_equal(chances.to_numpy(), model.predict_proba(ROWS))


def test_arrays(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(90, 2, 2)).astype(np.float32)
    y = np.where(x[:, 0, 0] > 0, 5, 7)
    spec = {"data": {}, "model": {"layers": []}, "train": {"epochs": 2}}
    forms = ((x, y), {"x": x, "y": y})
    models = [numbann.train(spec, data=one, output=tmp_path / f"{k}").model for k, one in enumerate(forms)]
    assert models[0].classes == (5, 7)
    assert models[0].weights[0][0].tobytes() == models[1].weights[0][0].tobytes()
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    files = {**spec, "data": {"path": {"x": str(tmp_path / "x.npy"), "y": str(tmp_path / "y.npy")}}}
    same = numbann.train(files, output=tmp_path / "files").model
    assert same.weights[0][0].tobytes() == models[0].weights[0][0].tobytes()


MIXED = [[["Rome", "Oslo", "Bern"][k % 3], None if k == 5 else k / 7, k % 4 > 1] for k in range(80)]
NUMBERED = {f"x[{place}]": [row[place] for row in MIXED] for place in range(3)}
LABELS = COLUMNS["y"]


@pytest.mark.parametrize("kind", ["lists", "an array of objects"])
def test_arrays_of_texts_and_numbers(tmp_path: Path, kind: str) -> None:
    x, y = (MIXED, LABELS) if kind == "lists" else (np.array(MIXED, object), np.array(LABELS, object))
    found = numbann.train({**SPEC, "data": {}}, data=(x, y), output=tmp_path / "run").model
    same = numbann.train(SPEC, data={**NUMBERED, "y": LABELS}, output=tmp_path / "same").model
    assert (found.features, found.targets, found.classes) == (("x[0]", "x[1]", "x[2]"), ("y",), ("no", "yes"))
    assert all(found.tensors[name].tobytes() == tensor.tobytes() for name, tensor in same.tensors.items())
    assert list(found.predict(x)) == list(same.predict(NUMBERED))
    assert found.evaluate((x, y)) == same.evaluate({**NUMBERED, "y": LABELS})


def test_numbers_with_labels_of_any_kind(tmp_path: Path) -> None:
    x = np.arange(80, dtype=np.uint8).reshape(40, 2)
    for place, y in enumerate((["a", "b"] * 20, np.array(["a", "b"] * 20, object), np.array(["a", "b"] * 20))):
        model = numbann.train({**SPEC, "data": {}}, data=(x, y), output=tmp_path / f"{place}").model
        assert (model.classes, model.resolved.spec.data.scale) == (("a", "b"), "byte")


def pairs_of_pandas() -> Any:
    frame = pandas_frame()
    return frame.drop(columns="y"), frame["y"]


def pairs_of_polars() -> Any:
    frame = polars_frame()
    return frame.drop("y"), frame["y"]


def pairs_of_frames() -> Any:
    frame = pandas_frame()
    return frame.drop(columns="y"), frame[["y"]]


@pytest.mark.parametrize("pair", [pairs_of_pandas, pairs_of_polars, pairs_of_frames])
@pytest.mark.parametrize("target", ["y", None])
def test_a_frame_and_its_target_keep_their_names(
    model: numbann.Model, tmp_path: Path, pair: Any, target: str | None
) -> None:
    pytest.importorskip("narwhals")
    rows = pair()
    spec = {**SPEC, "data": {"target": target} if target else {}}
    found = numbann.train(spec, data={"train": rows}, output=tmp_path / "run").model
    assert (found.features, found.targets) == (model.features, ("y",))
    assert all(found.tensors[name].tobytes() == tensor.tobytes() for name, tensor in model.tensors.items())
    assert found.evaluate(rows) == model.evaluate(ROWS)
    (tmp_path / "new.csv").write_text(text())
    assert numbann.load(tmp_path / "run").evaluate(tmp_path / "new.csv") == model.evaluate(ROWS)


def test_an_array_beside_a_frame_has_the_name_of_the_spec(tmp_path: Path) -> None:
    pytest.importorskip("narwhals")
    x, y = pairs_of_pandas()
    spec = {**SPEC, "data": {"target": "kind"}}
    assert numbann.train(spec, data=(x, y.to_numpy()), output=tmp_path / "run").model.targets == ("kind",)
    with pytest.raises(NumbannError, match=r'data.target: data has no column "kind"; its columns: "a", "n",'):
        numbann.train(spec, data=(x, y), output=tmp_path / "other")


def test_numbers_that_are_categories(tmp_path: Path) -> None:
    """A target listed so is text, as of a file; whole numbers with a gap are texts without a fraction."""
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("narwhals")
    frame = pandas.DataFrame({"a": [k % 7 for k in range(60)], "code": [None, 3, 4] * 20, "y": [1, 2, 3] * 20})
    spec = {**SPEC, "data": {"target": "y", "categorical": ["y", "code"]}}
    model = numbann.train(spec, data=frame.convert_dtypes(), output=tmp_path / "run").model
    assert model.classes == ("1", "2", "3")
    assert model.schema["features"]["code"]["categories"] == ["3", "4", None]


def test_numbers_of_a_category_type_are_categories(tmp_path: Path) -> None:
    """In pandas the type says so; a scale in data.columns makes numbers of them, and a target keeps its numbers."""
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("narwhals")
    frame = pandas.DataFrame({"a": [k % 5 for k in range(60)], "b": [0.5, 1.0, None] * 20, "y": [1, 2] * 30})
    rows = frame.astype("category")
    model = numbann.train({**SPEC, "data": {"target": "y"}}, data=rows, output=tmp_path / "run").model
    assert model.schema["features"]["a"]["categories"] == ["0", "1", "2", "3", "4"]
    assert model.schema["features"]["b"]["categories"] == ["0.5", "1", None]
    assert model.classes == (1, 2)
    assert list(model.predict(rows)) == list(model.predict(frame))
    assert model.evaluate(rows) == model.evaluate(frame)
    spec = {**SPEC, "data": {"target": "y", "columns": {"a": {"scale": "standard"}}}}
    model = numbann.train(spec, data=rows, output=tmp_path / "other").model
    assert model.schema["features"]["a"] == {"type": "number"}


@pytest.mark.parametrize("kind", ["pandas", "pandas, ordered", "Polars", "Polars, all known"])
def test_texts_of_a_category_type_may_be_numbers(kind: str) -> None:
    pytest.importorskip("narwhals")
    rows = {"a": ["1.5", "NA", "2.5", "3"] * 15, "y": ["no", "yes"] * 30}
    if kind.startswith("pandas"):
        frame = pytest.importorskip("pandas").DataFrame(rows)
        frame["a"] = (
            frame["a"].astype("category").cat.set_categories(["NA", "1.5", "2.5", "3"], ordered="ordered" in kind)
        )
    else:
        polars = pytest.importorskip("polars")
        type_ = polars.Enum(["NA", "1.5", "2.5", "3"]) if "all" in kind else polars.Categorical
        frame = polars.DataFrame(rows).with_columns(polars.col("a").cast(type_))
    model = numbann.train({**SPEC, "data": {"target": "y"}}, data=frame, output=False).model
    assert model.schema["features"]["a"]["categories"] == ["1.5", "2.5", "3", None]
    assert list(model.predict(frame)) == list(model.predict(rows))


@pytest.mark.parametrize("name", ["a", "y"])
def test_texts_that_differ_in_outer_blanks_alone_are_refused(name: str) -> None:
    rows = {"a": ["p", "q"] * 20, "y": ["no", "yes"] * 20}
    rows[name] = [rows[name][0] + " ", *rows[name][1:]]
    with pytest.raises(NumbannError, match=rf'data, column "{name}": ".* " and ".*" differ in outer blanks alone'):
        numbann.train({**SPEC, "data": {"target": "y"}}, data=rows, output=False)


@pytest.mark.parametrize("kind", ["Arrow", "parquet"])
def test_a_dictionary_of_numbers_holds_numbers(tmp_path: Path, kind: str) -> None:
    """As of a file, where the type is lost: data.categorical makes categories of them."""
    arrow = pytest.importorskip("pyarrow.parquet")
    pytest.importorskip("narwhals")
    frame = pytest.importorskip("pandas").DataFrame({"a": [k % 5 for k in range(60)], "y": ["no", "yes"] * 30})
    rows = frame.astype({"a": "category"})
    table = pytest.importorskip("pyarrow").Table.from_pandas(rows, preserve_index=False)
    spec: dict[str, Any] = {**SPEC, "data": {"target": "y"}}
    if kind == "parquet":
        arrow.write_table(table, tmp_path / "t.parquet")
        spec["data"]["path"] = str(tmp_path / "t.parquet")
    given = {"Arrow": table}.get(kind)
    assert numbann.train(spec, data=given, output=tmp_path / "run").model.schema["features"]["a"] == {"type": "number"}
    spec["data"]["categorical"] = ["a"]
    model = numbann.train(spec, data=given, output=tmp_path / "other").model
    assert model.schema["features"]["a"]["categories"] == ["0", "1", "2", "3", "4"]


def test_numbers_of_other_types_among_objects(tmp_path: Path) -> None:
    x = [[Decimal("1.5"), np.float32(k), np.int64(k % 3)] for k in range(40)]
    model = numbann.train({**SPEC, "data": {}}, data=(x, LABELS[:40]), output=tmp_path / "run").model
    assert {one["type"] for one in model.schema["features"].values()} == {"number"}


def test_files_in_the_spec_beside_rows_are_refused(tmp_path: Path) -> None:
    for path in ("t.csv", {"train": "t.csv", "test": "s.csv"}):
        spec = {**SPEC, "data": {"path": path, "target": "y"}}
        with pytest.raises(NumbannError, match=r"data.path: is .*t.csv.*, and rows are given in Python, too") as caught:
            numbann.train(spec, data=ROWS, output=tmp_path / "run", force=True)
        assert len(str(caught.value).splitlines()) == 1
        assert numbann.train(spec, data=ROWS, overrides={"data.path": None}, output=tmp_path / "run", force=True)


@pytest.mark.parametrize("given", [5, None, [], True, [1, 2], np.zeros(3)])
def test_what_is_no_spec_or_no_run_is_one_clear_line(given: Any) -> None:
    kind = type(given).__name__
    with pytest.raises(NumbannError, match=rf"^{kind} is no spec; give the path of a JSON file, or a dict; rows"):
        numbann.train(given)
    for function in (numbann.resume, numbann.load):
        with pytest.raises(NumbannError, match=rf"^{kind} is no path; give that of a run directory"):
            function(given)


def test_parts_and_a_resume(tmp_path: Path) -> None:
    given = {"train": ROWS, "test": ROWS[:20]}
    run = numbann.train(SPEC, data=given, output=tmp_path / "run")
    assert "test" in run.metrics
    with pytest.raises(NumbannError, match="the rows were given in Python; give them again: data="):
        numbann.resume(run.path, epochs=4)
    with pytest.raises(NumbannError, match="has changed since this run began"):
        numbann.resume(run.path, epochs=4, data={"train": ROWS, "test": ROWS[:19]})
    whole = numbann.train(SPEC, data=given, output=tmp_path / "whole", overrides={"train.epochs": 4}).model
    resumed = numbann.resume(run.path, epochs=4, data=given).model
    assert resumed.tensors["layers.0.weight"].tobytes() == whole.tensors["layers.0.weight"].tobytes()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (42, "int is no rows to train on; give a frame of pandas"),
        ([*ROWS[:9], {**ROWS[9], "a": "x"}], 'data row 10, column "a": "x" is no number'),
        (
            COLUMNS | {"when": [datetime.timedelta(1)] * 80},
            r'data row 1, column "when": .*timedelta\) is no number, boolean, text or date; convert the column',
        ),
        ({"a": [1.5, 2.5], "y": [1]}, 'column "a" has 2 rows but "y" has 1; columns must be as long as each other'),
        (
            {"X": np.zeros((4, 2)), "y": [1] * 4},
            r'column "X" has the shape \(4, 2\); arrays of features go as \(x, y\)',
        ),
        ({"a": 1.5, "y": 1}, 'column "a" is a single value; give a list of them'),
        ({"train": ROWS, "tst": ROWS}, 'data: key "tst": unknown key; did you mean "test"'),
        ({"train": ROWS, "valid": ROWS}, 'data: key "valid": unknown key; did you mean "validation"'),
        ({"Train": ([[1.0]], ["a"]), "test": ROWS}, 'data: key "Train": unknown key; did you mean "train"'),
        ({"test": ROWS}, 'data: there is no "train"; give a table, or one for each part'),
        ({}, "data has no columns; give a frame"),
        ("t.csv", r"data: str is no rows to train on; .* a file is named in the spec \(data.path\)"),
        (np.zeros((4, 2)), r"data has no y beside x; give \(x, y\), with the target"),
        ((5, [6]), "int is no array of features"),
        ((np.zeros((4, 2)), 6), "int is no target beside x"),
        ((np.zeros((4, 2)), None), r"data has no y beside x; give \(x, y\)"),
        ((np.zeros((4, 2)), [1, 2, 1]), 'x has 4 rows but "y" has 3; they must have as many'),
        (([["a", 1], ["b", 2]], ["a"]), 'x has 2 rows but "y" has 1; they must have as many'),
        (([["a", 1], [2, 2]], ["a", "b"]), r'data row 2, column "x\[0\]": "2" is no text'),
        ((COLUMNS, {"y": COLUMNS["y"]}), 'data: column "y" is in x and in y; leave it out of x'),
        ((np.zeros((4, 2)), {"kind": [1, 2, 1, 2]}), 'data.target: data has no target "y"; y is named "kind"'),
        ({"a": [1.5, 2.5]}, 'data has no column "y"'),
        ({name: [] for name in COLUMNS}, "data has columns but no rows; add rows"),
    ],
)
def test_what_cannot_be_trained_on_is_one_clear_line(tmp_path: Path, data: Any, message: str) -> None:
    with pytest.raises(NumbannError, match=message) as caught:
        numbann.train(SPEC, data=data, output=tmp_path / "run")
    assert len(str(caught.value).splitlines()) == 1


def test_a_lazy_frame_is_told_to_collect(tmp_path: Path) -> None:
    with pytest.raises(NumbannError, match=r"a lazy frame has no rows yet; give what its collect\(\) returns"):
        numbann.train(SPEC, data=polars_frame().lazy(), output=tmp_path / "run")


TIMES = [datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=5 * k) for k in range(60)]
DATED = {"day": [time.date() for time in TIMES], "at": TIMES, "a": [k % 7 for k in range(60)]}
DATED |= {"y": ["no", "yes"] * 30}


def zoned_table() -> Any:
    arrow = pytest.importorskip("pyarrow")
    given = arrow.table(DATED)
    place = given.column_names.index("at")
    return given.set_column(place, "at", given["at"].cast(arrow.timestamp("ms", "Europe/Rome")))


def pandas_dates() -> Any:
    frame = pytest.importorskip("pandas").DataFrame(DATED)
    frame["at"] = frame["at"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    return frame.astype({"day": "datetime64[ns]"})


DATED_KINDS = {
    "columns": lambda: DATED,
    "rows": lambda: [dict(zip(DATED, row, strict=True)) for row in zip(*DATED.values(), strict=True)],
    "pandas": lambda: pytest.importorskip("pandas").DataFrame(DATED).astype({"day": "datetime64[ns]"}),
    "pandas objects": lambda: pytest.importorskip("pandas").DataFrame(DATED),
    "pandas with a zone": pandas_dates,
    "Polars": lambda: pytest.importorskip("polars").DataFrame(DATED),
    "Arrow": lambda: pytest.importorskip("pyarrow").table(DATED),
    "Arrow with a zone": zoned_table,
}


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], numbann.Model]:
    """A spec, and the model of the table of dates as a file."""
    folder = tmp_path_factory.mktemp("dated")
    rows = [",".join(map(str, row)) for row in zip(*DATED.values(), strict=True)]
    (folder / "t.csv").write_text("\n".join([",".join(DATED), *rows]))
    columns = {"day": {"dates": "parts"}, "at": {"dates": "cyclic"}}
    section = {"target": "y", "columns": columns, "split": {"by": "at"}}
    spec = {**SPEC, "data": section}
    path = {"path": str(folder / "t.csv")}
    return spec, numbann.train({**spec, "data": {**section, **path}}, output=folder / "run").model


@pytest.mark.parametrize("kind", DATED_KINDS)
def test_dates_give_the_bits_of_a_file(dated: tuple[dict[str, Any], numbann.Model], tmp_path: Path, kind: str) -> None:
    pytest.importorskip("narwhals")
    (spec, model), rows = dated, DATED_KINDS[kind]()
    found = numbann.train(spec, data=rows, output=tmp_path / "run").model
    for name, tensor in model.tensors.items():
        assert found.tensors[name].tobytes() == tensor.tobytes(), name
    assert list(found.predict(rows)) == list(model.predict(DATED))
    assert found.evaluate(rows) == model.evaluate(DATED)


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_dates_of_files_of_arrow(dated: tuple[dict[str, Any], numbann.Model], tmp_path: Path, ending: str) -> None:
    module = pytest.importorskip(f"pyarrow.{ending}")
    (spec, model), file = dated, tmp_path / f"t.{ending}"
    {"parquet": lambda: module.write_table, "feather": lambda: module.write_feather}[ending]()(zoned_table(), file)
    spec = {**spec, "data": {**spec["data"], "path": str(file)}}
    found = numbann.train(spec, output=tmp_path / "run").model
    assert all(found.tensors[name].tobytes() == tensor.tobytes() for name, tensor in model.tensors.items())
    assert found.evaluate(file) == model.evaluate(DATED)


def test_a_format_is_of_texts_and_not_of_dates(tmp_path: Path) -> None:
    """A file with dates written as 31.12.2024, and frames and Parquet files with true dates, give the same."""
    pandas = pytest.importorskip("pandas")
    arrow = pytest.importorskip("pyarrow.parquet")
    written = [time.strftime("%d.%m.%Y") for time in TIMES]
    columns = {**DATED, "day": written}
    rows = [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    (tmp_path / "t.csv").write_text("\n".join([",".join(columns), *rows]))
    section = {"target": "y", "drop": ["at"], "columns": {"day": {"dates": "parts", "format": "%d.%m.%Y"}}}
    spec = {**SPEC, "data": {**section, "path": str(tmp_path / "t.csv")}}
    model = numbann.train(spec, output=tmp_path / "run").model
    frame = pandas.DataFrame(DATED).astype({"day": "datetime64[ns]"})
    same = numbann.train({**SPEC, "data": section}, data=frame, output=tmp_path / "same").model
    assert all(same.tensors[name].tobytes() == tensor.tobytes() for name, tensor in model.tensors.items())
    arrow.write_table(zoned_table(), tmp_path / "t.parquet")
    assert model.evaluate(tmp_path / "t.csv") == model.evaluate(frame) == model.evaluate(tmp_path / "t.parquet")
    with pytest.raises(NumbannError, match=r'"2024-01-01" is no date like %d\.%m\.%Y'):
        model.predict({**columns, "day": ["2024-01-01"] * 60})


def test_no_rows_have_no_predictions_and_no_measures(model: numbann.Model) -> None:
    none: dict[str, Any] = {name: [] for name in COLUMNS}
    assert model.predict(none).shape == (0,)
    assert model.predict_proba(none).shape == (0, 2)
    with pytest.raises(NumbannError, match="data has columns but no rows; add rows"):
        model.evaluate(none)


@pytest.mark.parametrize("given", ["new.csv", Path("new.csv"), None, 5])
def test_what_is_no_rows_is_told_what_to_give(model: numbann.Model, given: Any) -> None:
    with pytest.raises(NumbannError, match=r"is no rows of features; give an array \(N, features\), columns") as caught:
        model.predict(given)
    assert ("model.evaluate" in str(caught.value)) == (given not in (None, 5))


def test_names_of_frames_of_pandas(tmp_path: Path) -> None:
    pytest.importorskip("narwhals")
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({0: [k % 5 for k in range(60)], 1: [k % 7 / 2 for k in range(60)], 2: ["no", "yes"] * 30})
    spec = {**SPEC, "data": {"target": 2}}
    model = numbann.train(spec, data=frame, output=tmp_path / "run").model
    assert model.features == ("0", "1")
    assert [*model.predict(frame).index] == [*frame.index]
    twice = frame.set_axis(["0", "1", "1"], axis=1)
    levels = frame.set_axis(pandas.MultiIndex.from_tuples([("0", "a"), ("1", "a"), ("2", "a")]), axis=1)
    for wrong, message in ((twice, 'two columns of the frame are named "1"'), (levels, "names of several levels")):
        with pytest.raises(NumbannError, match=message):
            model.predict(wrong)
        with pytest.raises(NumbannError, match=message):
            numbann.train(spec, data=wrong, output=tmp_path / "wrong")


def test_numbers_that_numpy_lacks_and_those_that_would_be_rounded(tmp_path: Path) -> None:
    """Whole numbers of 128 bits; large ones with a gap, as categories."""
    polars = pytest.importorskip("polars")
    pytest.importorskip("narwhals")
    large = [None if k % 5 == 0 else 2**53 + k % 2 for k in range(60)]
    wide = polars.Series([2**70 * k for k in range(60)], dtype=polars.Int128)
    frame = polars.DataFrame({"a": wide, "code": large, "y": [1, 2, 3] * 20})
    spec = {**SPEC, "data": {"target": "y", "categorical": ["code"]}}
    features = numbann.train(spec, data=frame, output=tmp_path / "run").model.schema["features"]
    assert features["a"] == {"type": "number"}
    assert features["code"]["categories"] == [str(2**53), str(2**53 + 1), None]


def test_weights_and_groups_beside_an_array(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(60, 2))
    beside = {"y": x[:, 0], "w": np.arange(60) % 3, "g": np.arange(60) // 4}
    spec = {**SPEC, "data": {"target": "y", "weight": "w", "group": "g"}}
    found = numbann.train(spec, data=(x, beside), output=tmp_path / "run")
    columns = {"x[0]": x[:, 0], "x[1]": x[:, 1], **beside}
    same = numbann.train(spec, data=columns, output=tmp_path / "same")
    assert found.model.features == ("x[0]", "x[1]")
    assert all(found.model.tensors[name].tobytes() == one.tobytes() for name, one in same.model.tensors.items())
    assert found.model.evaluate((x, beside)) == same.model.evaluate(columns)
    other = numbann.train({**SPEC, "data": {"target": "y"}}, data=(x, beside), output=tmp_path / "other")
    assert other.model.tensors["layers.0.weight"].tobytes() != found.model.tensors["layers.0.weight"].tobytes()
