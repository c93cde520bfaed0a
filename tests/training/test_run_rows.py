"""The rows of a run's parts, read again: they are those that were measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.errors import DataError, RunDirectoryError
from numbann.model.outputs import outcome_of, score
from numbann.training.run_rows import read_part

WriteSpec = Callable[..., Path]
SEVERAL = {
    "shares": {},
    "ordered": {"data": {"split": {"by": "sum"}}},
    "categories": {"data": {"categorical": ["x"]}},
    "ensemble": {"ensemble": {"folds": 2}},
}


@pytest.mark.parametrize("changes", SEVERAL.values(), ids=SEVERAL)
def test_parts_have_the_rows_that_were_measured(write_spec: WriteSpec, changes: dict[str, Any]) -> None:
    run = numbann.train(write_spec(**changes))
    for part in ("test",) if "ensemble" in changes else ("train", "validation", "test"):  # others are told by fold
        found, raw, _ = read_part(run.path, run.model, part)
        new = run.model.describe(raw, need_target=True)
        measured = run.model.measure(new.x, new.raw_target, new.weight, new.group)
        assert found == part
        assert measured.measures == pytest.approx(run.metrics[part], abs=1e-6)
        assert measured.confusion == run.metrics["confusion"][part]
    assert read_part(run.path, run.model).part == "test"


def test_the_validation_part_of_an_ensemble_is_out_of_fold(write_spec: WriteSpec) -> None:
    """By the models that have not seen a row, which is where the run's own figures come from."""
    run = numbann.train(write_spec(ensemble={"folds": 3, "members": 2}, data={"split": {"test": 0.0}}))
    part, raw, outputs = read_part(run.path, run.model)
    assert (part, len(raw.table)) == ("train", 120)
    assert outputs is not None
    new = run.model.preprocessing.describe(raw, None, need_target=True)
    found = outcome_of(run.model.resolved, outputs)
    scores = score(run.model.resolved.metrics, run.model.preprocessing.task, found, new.raw_target)
    assert scores["accuracy"] == pytest.approx(run.metrics["validation"]["accuracy"], abs=1e-12)
    truth = run.model.preprocessing.task.truth(new.raw_target)
    assert run.model.preprocessing.task.confusion(found, truth) == run.metrics["confusion"]["validation"]
    refitted = numbann.train(write_spec(ensemble={"folds": 2, "refit": True}))
    assert read_part(refitted.path, refitted.model).outputs is None
    with pytest.raises(RunDirectoryError, match="has no validation part"):
        read_part(refitted.path, refitted.model, "validation")


def test_what_is_gone(write_spec: WriteSpec, blobs: Path) -> None:
    run = numbann.train(write_spec(data={"split": {"test": 0.0}}))
    with pytest.raises(RunDirectoryError, match="has no test part; it has train, validation"):
        read_part(run.path, run.model, "test")
    blobs.write_text(blobs.read_text() + "1,2,3,red\n")
    with pytest.raises(RunDirectoryError, match=r"blobs\.csv: has changed since this run began"):
        read_part(run.path, run.model)
    blobs.unlink()
    with pytest.raises(DataError, match="no such file"):
        read_part(run.path, run.model)
    (run.path / "spec.resolved.json").write_text("{}")
    with pytest.raises(RunDirectoryError, match="is damaged"):
        read_part(run.path, run.model)


def test_rows_that_were_given_in_python_are_not_kept(here: Path) -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(40, 2)), random.normal(size=40)
    run = numbann.train({"data": {"target": "y"}, "model": {"layers": []}, "train": {"epochs": 1}}, data=rows)
    with pytest.raises(RunDirectoryError, match="given in Python"):
        read_part(run.path, run.model)
