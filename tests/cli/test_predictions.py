"""Predictions from the command line: those of Python, and files that say what they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from numbann import load

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
