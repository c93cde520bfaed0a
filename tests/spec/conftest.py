"""Specs, facts and a folder with data for the tests of the spec."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from numbann.data.contract import Facts
from numbann.data.tasks.regression import Regression
from numbann.data.tasks.task import Task
from numbann.errors import SpecError, SpecFault
from numbann.spec.loading import load

QUALITY = Regression(("quality",))
MINIMAL: dict[str, Any] = {"data": {"path": "wine.csv", "target": "quality"}, "model": {"layers": [{"units": 8}]}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a table and arrays in it."""
    for name in ("wine.csv", "x.npy", "y.npy", "train.npz", "images.gz", "labels.gz", "A.NPZ", "notes.txt"):
        (tmp_path / name).write_text("quality,acid,w\n")
    (tmp_path / "subfolder").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def spec_of(folder):
    """A minimal spec with some sections replaced: spec_of(train={"epochs": 5})."""

    def build(**sections: Any) -> dict[str, Any]:
        return {**copy.deepcopy(MINIMAL), **sections}

    return build


@pytest.fixture
def faults_of(folder):
    """The faults of a spec, which must have some."""

    def faults(spec: dict[str, Any], overrides: dict[str, Any] | None = None) -> tuple[SpecFault, ...]:
        with pytest.raises(SpecError) as caught:
            load(spec, overrides)
        return caught.value.faults

    return faults


@pytest.fixture
def write(folder):
    """Write a spec file and return its path."""

    def written(spec: Any, name: str = "spec.json") -> Any:
        path = folder / name
        path.write_text(spec if isinstance(spec, str) else json.dumps(spec, indent=1))
        return path

    return written


@pytest.fixture
def facts():
    """Facts of data of a task: facts() for regression."""

    def made(task: Task = QUALITY, **given: Any) -> Facts:
        table = {"format": "csv", "delimiter": ",", "scale": "standard", "features": (), "inputs": 8}
        return Facts(**{"task": task, "stratify": task.labelled, **table, **given})

    return made
