"""Parts in files of several formats: trained on, resumed, and told where they are missed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.errors import NumbannError

ROWS = [(k % 5, k * 0.5, k % 2) for k in range(40)]
TEXT = "".join(f"{a},{b},{y}\n" for a, b, y in [("a", "b", "y"), *ROWS])


@pytest.fixture
def files(here: Path) -> Path:
    """The same table in several formats."""
    (here / "t.csv").write_text(TEXT)
    (here / "other.csv").write_text(TEXT.replace(",", ";"))
    (here / "t.tsv").write_text(TEXT.replace(",", "\t"))
    (here / "t.data").write_text(TEXT)
    table = np.array(ROWS)
    np.savez(here / "t.npz", a=table[:, 0], b=table[:, 1], y=table[:, 2].astype(int))
    return here


def spec(parts: Any, **data: Any) -> dict[str, Any]:
    chosen = {"path": parts, "target": "y", "features": ["a", "b"], "split": {"validation": 0}, **data}
    return {"data": chosen, "model": {"layers": [{"units": 3}]}, "train": {"epochs": 2}}


@pytest.mark.parametrize(
    "parts",
    [
        {"train": "t.csv", "test": "t.tsv"},
        {"train": "other.csv", "test": "t.csv"},
        {"train": "t.npz", "test": "other.csv"},
        {"train": "t.csv", "test": "t.npz"},
        {"train": "t.tsv", "test": "t.tsv"},
    ],
    ids=str,
)
def test_they_are_resumed(files: Path, parts: Any) -> None:
    whole = numbann.train(spec(parts, task="classification"), output="whole")
    again = numbann.train(files / "whole" / "spec.resolved.json", output="again")
    assert again.metrics == whole.metrics
    resumed = numbann.resume("whole", epochs=3)
    assert resumed.metrics["test"] == pytest.approx(resumed.metrics["train"])


def test_one_format_is_written_down(files: Path) -> None:
    numbann.train(spec({"train": "t.data", "test": "t.csv"}, format="csv"), output="run")
    resolved = json.loads((files / "run" / "spec.resolved.json").read_text())["data"]
    assert (resolved["format"], resolved["csv"]["delimiter"]) == ("csv", ",")
    assert numbann.resume("run", epochs=3).path == Path("run")


def test_a_file_that_was_moved(files: Path) -> None:
    numbann.train(spec("t.csv"), output="run")
    (files / "t.csv").rename(files / "moved.csv")
    with pytest.raises(NumbannError, match=r't\.csv": no such file; if it has moved, write down where it is'):
        numbann.resume("run", epochs=3)
