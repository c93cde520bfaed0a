"""Predictions from the command line: those of Python, and files that say what they are."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
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


@pytest.mark.parametrize("name", ["x.json", "x.npz", "x.tsv", "x.csv.gz", "x.xlsx"])
def test_a_file_that_would_not_be_what_its_name_says_is_refused(run: str, numbann: Numbann, name: str) -> None:
    result = numbann("predict", run, "t.csv", "-o", name)
    assert (result.exit_code, Path(name).exists()) == (2, False)
    assert f"-o {name}: predictions are not written in this format; name a file that ends in .csv" in result.stderr


@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet", "X.FEATHER"])
def test_files_of_other_formats_hold_what_csv_does(run: str, numbann: Numbann, name: str) -> None:
    pytest.importorskip("pyarrow")
    options = ("--probabilities", "--keep", "b,y")
    assert numbann("predict", run, "t.csv", "-o", name, *options).exit_code == 0
    assert numbann("predict", run, "t.csv", "-o", "x.csv", *options).exit_code == 0
    frames = []
    for file in (name, "x.csv"):
        model = load(run)
        found = model.preprocessing.find(file, need_target=False)
        frames.append(model.preprocessing.read_as_written(found, None))
    assert list(frames[0]) == list(frames[1]) == ["b", "y", "prediction", "p_no", "p_yes"]
    for key in ("b", "y", "prediction"):
        assert frames[0][key].tolist() == [cell or None for cell in frames[1][key]]
    np.testing.assert_allclose(frames[0]["p_no"].astype(float), frames[1]["p_no"].astype(float), rtol=1e-6)


def test_a_format_that_needs_pyarrow_says_so(run: str, numbann: Numbann, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numbann_cli.prediction.find_spec", lambda name: None)
    result = numbann("predict", run, "t.csv", "-o", "x.parquet")
    needed = '-o x.parquet: .parquet needs pyarrow, which is not installed: pip install "numbann[data]"'
    assert (result.exit_code, needed in result.stderr) == (2, True)


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


def test_columns_of_the_data_stand_before_the_predictions(numbann: Numbann, run: str) -> None:
    text = 'id,b,a,note\n007,u,3.5,"a, b"\n1e3,v, 4.5 ,\n'
    Path("new.csv").write_text(text)
    plain = numbann("predict", run, "new.csv").stdout.splitlines()[1:]
    printed = numbann("predict", run, "new.csv", "--keep", "note,id").stdout
    assert printed == f'note,id,prediction\n"a, b",007,{plain[0]}\n,1e3,{plain[1]}\n'
    every = numbann("predict", run, "-", "--keep", "all", "--probabilities", text=text).stdout.splitlines()
    assert every[0] == "id,b,a,note,prediction,p_no,p_yes"
    assert every[2].startswith(f"1e3,v,4.5,,{plain[1]},0.")


def test_predictions_as_json(numbann: Numbann, run: str) -> None:
    printed = json.loads(numbann("predict", run, "t.csv", "--json", "--probabilities", "--keep", "b,y").stdout)
    table = csv.DictReader(io.StringIO(numbann("predict", run, "t.csv", "--probabilities").stdout))
    for row, cells in zip(printed, table, strict=True):
        assert list(row) == ["b", "y", "prediction", "p_no", "p_yes"]
        assert row["prediction"] == cells["prediction"]
        assert (row["p_no"], row["p_yes"]) == (float(cells["p_no"]), float(cells["p_yes"]))
    assert numbann("predict", run, "t.csv", "--json", "-o", "out.json").exit_code == 0
    assert len(json.loads(Path("out.json").read_text())) == 30


def test_what_cannot_be_kept(numbann: Numbann, run: str) -> None:
    Path("new.csv").write_text("a,b,prediction\n1.5,u,3\n")
    np.savez("new.npz", a=[1.5], b=["u"])
    cases = [
        (("t.csv", "--keep", "Y"), 'has no column "Y"; did you mean "y"?'),
        (("new.csv", "--keep", "all"), '"prediction" is a column of the data and of the predictions'),
        (("new.npz", "--keep", "a"), "new.npz is no table with named columns"),
        (
            ("t.csv", "--json", "-o", "out.csv"),
            "predictions are not written in this format; name a file that ends in .json",
        ),
    ]
    for arguments, words in cases:
        result = numbann("predict", run, *arguments)
        assert (result.exit_code, words in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize("ending", ["csv", "parquet", "feather"])
def test_a_table_without_rows_has_predictions_without_rows(run: str, numbann: Numbann, ending: str) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv("t.csv")[:0]
    Path("none.csv").write_text("a,b,y\n")
    if ending != "csv":
        pytest.importorskip("pyarrow")
        {"parquet": frame.to_parquet, "feather": frame.to_feather}[ending](f"none.{ending}")
    assert numbann("predict", run, f"none.{ending}").stdout == "prediction\n"
    kept = numbann("predict", run, f"none.{ending}", "--keep", "b,a", "--probabilities")
    assert (kept.exit_code, kept.stdout) == (0, "b,a,prediction,p_no,p_yes\n")
    assert numbann("predict", run, f"none.{ending}", "--json").stdout == "[]\n"
    assert len(load(run).predict(frame)) == 0
    for command in (("evaluate", run), ("data",)):
        refused = numbann(*command, f"none.{ending}")
        assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
        assert "no rows; add rows" in refused.stderr


def test_arrays_without_rows_have_no_predictions(here: Path, numbann: Numbann) -> None:
    np.save("x.npy", np.random.default_rng(0).random((60, 3), np.float32))
    np.save("y.npy", np.arange(60) % 2)
    np.save("none.npy", np.zeros((0, 3), np.float32))
    spec = {"data": {"path": {"x": "x.npy", "y": "y.npy"}}, "model": {"layers": []}, "train": {"epochs": 1}}
    Path("spec.json").write_text(json.dumps(spec))
    assert numbann("train", "spec.json", "-o", "run").exit_code == 0
    assert numbann("predict", "run", "none.npy").stdout == "prediction\n"
    np.save("none.npy", np.zeros((3, 0), np.float32))
    assert numbann("predict", "run", "none.npy").exit_code == 2


def test_a_command_that_is_ended_leaves_no_part_of_its_file(
    run: str, numbann: Numbann, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, handler = sorted(here.iterdir()), signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(os, "fsync", lambda file: os.kill(os.getpid(), signal.SIGTERM))
    try:
        assert numbann("predict", run, "t.csv", "-o", "out.csv").exit_code == 143
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert sorted(here.iterdir()) == before


def test_a_dash_is_stdout(run: str, numbann: Numbann) -> None:
    plain = numbann("predict", run, "t.csv")
    assert numbann("predict", run, "t.csv", "-o", "-").stdout == plain.stdout
    for arguments in (("cv", "spec.json"), ("train", "spec.json"), ("export", run), ("init", "t.csv", "--target", "y")):
        result = numbann(*arguments, "-o", "-")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "-o -: names no file" in result.stderr
    assert not Path("-").exists()


def test_cross_validations_are_written_as_predictions_are(run: str, numbann: Numbann) -> None:
    pyarrow = pytest.importorskip("pyarrow.parquet")
    for name in ("x.csv", "x.jsonl", "x.parquet"):
        assert numbann("cv", "spec.json", "--folds", "2", "-o", name).exit_code == 0
    rows = [json.loads(line) for line in Path("x.jsonl").read_text().splitlines()]
    assert [row["row"] for row in rows] == pyarrow.read_table("x.parquet")["row"].to_pylist()
    assert [list(map(str, row.values())) for row in rows] == [*csv.reader(Path("x.csv").read_text().splitlines())][1:]
    refused = numbann("cv", "spec.json", "-o", "x.json")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith("numbann: error: -o x.json: predictions are not written in this format; name")
    assert "--json" not in refused.stderr


def test_more_folds_than_rows_name_what_asked_for_them(run: str, numbann: Numbann) -> None:
    assert (
        "spec.json  folds (--folds): 30 rows cannot be 500 folds"
        in numbann("cv", "spec.json", "--folds", "500", "--set", "data.split.test=0").stderr
    )
