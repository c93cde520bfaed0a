"""A run in bfloat16 as a person sees it: it predicts as it was trained, and is exported in float32."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann

X = np.random.default_rng(0).standard_normal((300, 5)).astype(np.float32)
Y = X[:, :2].sum(1) > 0
SPEC: dict[str, Any] = {
    "data": {"target": "y"},
    "model": {"layers": [20, 9], "dtype": "bfloat16"},
    "optimizer": {"type": "adam", "learning_rate": 0.02},
    "train": {"epochs": 20},
}


def train(**more: Any) -> numbann.Run:
    data = {**{f"x{k}": column for k, column in enumerate(X.T)}, "y": Y}
    return numbann.train({**SPEC, **more}, data=data)


def test_a_model_predicts_as_it_was_trained(here: Path) -> None:
    run = train()
    assert run.metrics["test"]["accuracy"] > 0.9
    model = numbann.load(run.path)
    assert "bfloat16" in str(model.plan)
    assert {w.dtype for pair in model.weights for w in pair} == {np.dtype("float32")}
    assert model.predict_proba(X).tobytes() == run.model.predict_proba(X).tobytes()
    exact = model.unrounded.predict_proba(X)
    assert 0 < np.abs(model.predict_proba(X) - exact).max() < 0.03


@pytest.mark.skipif(shutil.which("cc") is None, reason="no compiler")
@pytest.mark.parametrize("ensemble", [None, {"members": 2}], ids=str)
def test_exports_are_of_float32(here: Path, ensemble: dict[str, Any] | None) -> None:
    model = train(**({"ensemble": ensemble} if ensemble else {})).model
    found = model.export(here / "model.c", verify=True)
    assert found.check is not None
    assert found.check.difference < 3e-6
