"""Predictions from the command line: those of Python, and files that say what they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from numbann import load
from numbann.errors import DataError

Numbann = Callable[..., Result]
TABLE = "a,b,y\n" + "".join(f"{k}.5,{('u', 'v', '?')[k % 3]},{('no', 'yes')[k % 2]}\n" for k in range(30))
SPEC = '{"data": {"path": "t.csv", "target": "y"}, "model": {"layers": []}, "train": {"epochs": 2}}'


@pytest.fixture
def run(here: Path, numbann: Numbann) -> str:
    """A trained run, and its table t.csv."""
    (here / "t.csv").write_text(TABLE)
    (here / "spec.json").write_text(SPEC)
    assert numbann("train", "spec.json", "-o", "run").exit_code == 0
    return "run"


def test_they_are_those_of_a_frame(run: str, numbann: Numbann) -> None:
    pandas = pytest.importorskip("pandas")
    printed = numbann("predict", run, "t.csv", "--probabilities")
    assert "warning" not in printed.stderr
    model, frame = load(run), pandas.read_csv("t.csv")
    shares = [list(map(str, row)) for row in np.column_stack([model.predict_proba(frame)])]
    rows = [line.split(",") for line in printed.stdout.splitlines()[1:]]
    assert [row[0] for row in rows] == model.predict(frame).tolist()
    assert [row[1:] for row in rows] == shares


@pytest.mark.parametrize("name", ["x.parquet", "x.npz", "x.tsv", "x.csv.gz", "x.xlsx"])
def test_a_file_that_would_not_be_what_its_name_says_is_refused(run: str, numbann: Numbann, name: str) -> None:
    result = numbann("predict", run, "t.csv", "-o", name)
    assert (result.exit_code, Path(name).exists()) == (2, False)
    assert f"-o {name}: predictions are written as CSV; name a file that ends in .csv" in result.stderr


def test_outputs_are_all_that_a_loss_gives(here: Path, numbann: Numbann) -> None:
    """Of two targets of different units: the columns of Python, after the predictions."""
    random = np.random.default_rng(0)
    x = random.normal(0, 1, (60, 2))
    table = np.column_stack([x, 500 + 90 * x[:, 0], 0.2 * x[:, 1]])
    np.savetxt("u.csv", table, delimiter=",", header="a,b,price,rooms", comments="")
    spec = {"data": {"path": "u.csv", "target": ["price", "rooms"]}, "model": {"layers": []}, "loss": "gaussian_nll"}
    (here / "spec.json").write_text(json.dumps({**spec, "train": {"epochs": 3}}))
    assert numbann("train", "spec.json", "-o", "run").exit_code == 0
    printed = numbann("predict", "run", "u.csv", "--outputs")
    header, *rows = printed.stdout.splitlines()
    names = ["price_mean", "price_variance", "rooms_mean", "rooms_variance"]
    assert header.split(",") == ["prediction_price", "prediction_rooms", *names]
    got = np.array([row.split(",") for row in rows], float)
    model = load("run")
    columns = model.predict(x, outputs="all")
    assert list(columns) == names
    np.testing.assert_allclose(got[:, 2:], np.column_stack(list(columns.values())), rtol=1e-5)
    np.testing.assert_allclose(got[:, :2], model.predict(x), rtol=1e-5)
    assert columns["price_variance"].mean() > 1000 > 1 > columns["rooms_variance"].mean() > 0
    frame = {"a": x[:, 0], "b": x[:, 1]}
    np.testing.assert_array_equal(model.predict(frame, outputs="all")["rooms_mean"], columns["rooms_mean"])
    with pytest.raises(DataError, match=r'outputs is "mean"; give "all"'):
        model.predict(x, outputs="mean")


def test_outputs_of_classes_are_probabilities(run: str, numbann: Numbann) -> None:
    printed = [numbann("predict", run, "t.csv", option).stdout for option in ("--outputs", "--probabilities")]
    assert printed[0] == printed[1]
    assert printed[0].startswith("prediction,p_no,p_yes\n")
