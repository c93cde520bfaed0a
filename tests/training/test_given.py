"""Training on rows given in Python: the same model as from a file of the same table."""

from __future__ import annotations

import datetime
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
            COLUMNS | {"when": [datetime.date(2026, 1, 1)] * 80},
            'data row 1, column "when": "2026-01-01" is no plain value',
        ),
        ({"a": [1.5, 2.5], "y": [1]}, "as long as each other"),
        ({"a": [1.5, 2.5]}, 'data has no column "y"'),
    ],
)
def test_what_cannot_be_trained_on_is_one_clear_line(tmp_path: Path, data: Any, message: str) -> None:
    with pytest.raises(NumbannError, match=message) as caught:
        numbann.train(SPEC, data=data, output=tmp_path / "run")
    assert len(str(caught.value).splitlines()) == 1
