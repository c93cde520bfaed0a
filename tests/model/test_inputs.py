"""What `predict` is given: answered as the plain array is, or refused by one error."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo

import numbann
from numbann.errors import DataError, NumbannError, ShapeError

ROWS = 64
X = np.random.default_rng(0).normal(size=(ROWS, 6))
NAMES = [f"x[{k}]" for k in range(6)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> numbann.Model:
    """A model of six numbers, which may not be missing."""
    return trained(tmp_path_factory.mktemp("run"), missing="error")


@pytest.fixture(scope="module")
def filling(tmp_path_factory: pytest.TempPathFactory) -> numbann.Model:
    """The same, where a missing number is the mean."""
    return trained(tmp_path_factory.mktemp("run"), missing="mean")


def trained(folder: Path, **data: Any) -> numbann.Model:
    here = Path.cwd()
    os.chdir(folder)
    try:
        np.savez("d.npz", x=X.astype(np.float32), y=X.sum(1) > 0)
        spec = {"data": {"path": "d.npz", **data}, "model": {"layers": [{"units": 5}]}, "train": {"epochs": 2}}
        return numbann.train(spec, output="run").model
    finally:
        os.chdir(here)


def unaligned() -> np.ndarray:
    array = np.frombuffer(bytearray(8 * X.size + 1), np.float64, X.size, offset=1).reshape(X.shape)
    array[:] = X
    return array


def read_only() -> np.ndarray:
    array = X.copy()
    array.flags.writeable = False
    return array


class Matrix(np.ndarray):
    """A subclass of NumPy's array."""


SAME: dict[str, Any] = {
    **{kind: X.astype(kind) for kind in ("f2", "f4", ">f4", ">f8", "g", "O", "U", "S25")},
    "column after column": np.asfortranarray(X),
    "every second": np.repeat(np.repeat(X, 2, 0), 2, 1)[::2, ::2],
    "read only": read_only(),
    "unaligned": unaligned(),
    "list": X.tolist(),
    "tuple": tuple(map(tuple, X)),
    "three axes": X.reshape(ROWS, 2, 3),
    "subclass": X.view(Matrix),
    "masked nowhere": np.ma.array(X, mask=np.zeros_like(X)),
    "masked nowhere, no mask": np.ma.array(X),
    "columns": dict(zip(NAMES, X.T, strict=True)),
    "rows by name": [dict(zip(NAMES, row, strict=True)) for row in X.tolist()],
    "masked columns": dict(zip(NAMES, np.ma.array(X).T, strict=True)),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_numbers(model: numbann.Model, name: str) -> None:
    np.testing.assert_allclose(
        model.predict_proba(SAME[name]), model.predict_proba(X), atol=2e-3 if name == "f2" else 1e-6
    )


PLACE = X[7, 3] == X
OTHER: dict[str, tuple[Any, type[NumbannError], str]] = {
    "complex": (X + 1j, DataError, r'column "x\[0\]" holds complex128; numbers, booleans or text are readable'),
    "dates": (X.astype("M8[s]"), DataError, '"1970-01-01" is no number'),
    "ragged": ([[1.0] * 6, [1.0] * 5], ShapeError, "different lengths"),
    "ragged columns": ({name: [1.0] * (1 + (name == "x[2]")) for name in NAMES}, ShapeError, "as long as each other"),
    "one row": (X[0], ShapeError, r"shape \(6,\)"),
    "a number": (3.0, ShapeError, "is no rows of features; give an array"),
    "nothing": (None, ShapeError, "is no rows of features; give an array"),
    "text": ("abc", ShapeError, "is no rows of features; give an array"),
    "a generator": ((row for row in X), ShapeError, "is no rows of features; give an array"),
    "structured": (np.zeros(3, "i4,f4"), ShapeError, r"shape \(3,\)"),
    "too few": (X[:, :5], ShapeError, r"shape \(64, 5\); rows of features are needed: \(N, 6\)"),
    "no rows by name": ([{}], DataError, r'row 1 has no "x\[0\]"'),
    "a row that lacks one": (
        [dict.fromkeys(NAMES, 1.0), dict.fromkeys(NAMES[:5], 1.0)],
        DataError,
        r'row 2 has no "x\[5\]"',
    ),
    "a mapping that lacks one": (dict.fromkeys(NAMES[1:], 1.0), DataError, r'no column "x\[0\]" is given'),
    "a word": ({**dict.fromkeys(NAMES, "1"), "x[3]": "one"}, DataError, r'row 1, column "x\[3\]": "one" is no number'),
    "infinite": (np.where(PLACE, np.inf, X), DataError, r'row 8, column "x\[3\]": an infinite number'),
    "too large": (np.where(PLACE, 1e300, X), DataError, r'row 8, column "x\[3\]": 1e\+300, once scaled, is too'),
    "missing": (
        np.where(PLACE, np.nan, X),
        DataError,
        r'row 8, column "x\[3\]": a missing number, which data.missing "error" refuses',
    ),
    "masked": (np.ma.masked_values(X, X[7, 3]), DataError, r'row 8, column "x\[3\]": a missing number'),
}


@pytest.mark.parametrize("name", OTHER)
def test_what_is_refused(model: numbann.Model, name: str) -> None:
    given, error, message = OTHER[name]
    with pytest.raises(error, match=message) as caught:
        model.predict(given)
    assert "\n" not in str(caught.value)


def test_a_lazy_frame_is_refused(model: numbann.Model) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(dict(zip(NAMES, X.T, strict=True)))
    with pytest.raises(DataError, match=r"^a lazy frame has no rows yet; give what its collect\(\) returns$"):
        model.predict(frame.lazy())
    assert model.predict(frame).tolist() == model.predict(X).tolist()


@pytest.mark.parametrize("shape", [(2, 3, 4), (0, 3, 4), (2, 0, 4)])
def test_the_shape_that_was_given_is_told(model: numbann.Model, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=re.escape(f"the array has shape {shape}; ")):
        model.predict(np.zeros(shape))


def test_a_pipe_is_read_and_a_device_is_named(model: numbann.Model, here: Path) -> None:
    text = "\n".join([",".join(NAMES), *(",".join(map(str, row)) for row in X.tolist())])
    (here / "t.csv").write_text(text)
    os.mkfifo(here / "pipe")
    writer = threading.Thread(target=lambda: (here / "pipe").write_text(text))
    writer.start()
    found = model.preprocessing.read("pipe", need_target=False)
    writer.join()
    assert found.x.tobytes() == model.preprocessing.read("t.csv", need_target=False).x.tobytes()
    with pytest.raises(DataError, match=r"/dev/null.* is a pipe or a device; write its rows to a file"):
        model.preprocessing.read("/dev/null", need_target=False)


def test_a_row_by_name(model: numbann.Model) -> None:
    for row in (dict(zip(NAMES, X[3], strict=True)), dict(zip(NAMES, map(str, X[3]), strict=True))):
        np.testing.assert_allclose(model.predict_proba(row), model.predict_proba(X[3:4]), atol=1e-6)


@pytest.mark.parametrize("dtype", ["f4", "f8", "O", "U", "i8"])
def test_masked_values_are_missing(filling: numbann.Model, dtype: str) -> None:
    hidden = np.random.default_rng(1).random(X.shape) < 0.3
    x = np.round(9 * X) if dtype == "i8" else X
    expected = filling.predict_proba(np.where(hidden, np.nan, x))
    given = np.ma.array(x.astype(dtype), mask=hidden)
    columns = dict(zip(NAMES, given.T, strict=True))
    for one in (given, columns):
        np.testing.assert_allclose(filling.predict_proba(one), expected, atol=1e-6)


LARGE = 2**60  # above it a float tells apart every 256th whole number only


def frames_of(columns: dict[str, list[Any]]) -> dict[str, Any]:
    """The same columns as frames of several libraries, and as rows."""
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    arrow = pytest.importorskip("pyarrow")
    exact = {name: pandas.array(values, dtype="Int64") if name == "id" else values for name, values in columns.items()}
    return {
        "columns": columns,
        "rows": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
        "pandas": pandas.DataFrame(exact),
        "polars": polars.DataFrame(columns),
        "arrow": arrow.table(columns),
    }


@pytest.mark.parametrize("kind", ["columns", "rows", "pandas", "polars", "arrow"])
def test_identifiers_above_2_to_the_53_are_categories_as_they_are(kind: str) -> None:
    columns = {"id": [LARGE + 1, LARGE + 2, LARGE + 3, None] * 15, "y": [1.0, 2.0, 3.0, 5.0] * 15}
    given = frames_of(columns)[kind]
    layers = {"layers": [3], "activation": "tanh"}
    spec = {"data": {"target": "y", "task": "regression", "categorical": ["id"]}, "model": layers}
    model = zoo.model_of(spec, given)
    assert model.schema["features"]["id"]["categories"] == [*(str(LARGE + k) for k in (1, 2, 3)), None]
    texts = [*(str(LARGE + k) for k in (1, 2, 3)), None] * 15
    assert np.array_equal(model.predict(given), model.predict({"id": texts}))
    assert len(np.unique(model.predict(given))) == 4
    with pytest.warns(UserWarning, match=f'with a category that the training part does not have ."{LARGE}"'):
        model.predict({"id": [LARGE]})
    numbers = zoo.model_of({**spec, "data": {"target": "y", "task": "regression"}}, given)
    assert len(np.unique(numbers.predict(given))) == 2  # as numbers they are rounded, and a missing one is the median


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_identifiers_that_a_float_has_rounded_are_refused(dtype: str) -> None:
    pandas = pytest.importorskip("pandas")
    ids = np.array([LARGE + 1, LARGE + 512, np.nan] * 20, dtype)
    spec = {"data": {"target": "y", "task": "regression", "categorical": ["id"]}, "model": {"layers": [3]}}
    columns = {"id": ids, "y": np.arange(60.0)}
    told = rf'column "id": {LARGE:.0f} is a float[0-9]*, in which such numbers are rounded; give categories as whole'
    for given in (columns, pandas.DataFrame(columns)):
        with pytest.raises(NumbannError, match=told):
            zoo.model_of(spec, given)
        with pytest.raises(NumbannError, match=told):
            zoo.model_of(spec, {**columns, "id": ids % 7}).predict(given)


def test_all_outputs_of_a_frame_keep_its_index() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({name: zoo.table()[name] for name in ("area", "rooms", "age")})
    frame.index = frame.index + 1000
    for name in ("mean_and_variance", "five_classes"):
        found, plain = zoo.made(name).predict(frame, outputs="all"), zoo.made(name).predict(dict(frame), outputs="all")
        assert isinstance(plain, dict)
        assert found.index.equals(frame.index)
        assert {key: column.tolist() for key, column in found.items()} == {
            key: one.tolist() for key, one in plain.items()
        }


def test_evaluate_warns_of_what_training_did_not_have() -> None:
    rows = {**zoo.table(), "kind": np.array(["tent"] * zoo.ROWS, object)}
    with pytest.warns(UserWarning, match=r'column "kind": 240 rows with a category .*"tent"'):
        zoo.made("categories").evaluate(rows)
