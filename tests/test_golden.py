"""A model and a run of an earlier version load, verify, resume and predict as before."""

from __future__ import annotations

import json
from pathlib import Path

import golden
import numpy as np
import pytest

import numbann
from numbann.simd.objects import has_features
from numbann.training.manifest import _cpu


@pytest.fixture
def run(here: Path) -> Path:
    return golden.placed(here)


def same(got: np.ndarray, expected: np.ndarray) -> bool:
    """Whether two arrays have the same bits; on another processor than the run's, whether they are as good as equal.

    That one has AVX-512, and virtual machines give its name to others, too, which estimate roots otherwise.
    """
    made_on = json.loads((golden.FOLDER / "run" / "manifest.json").read_text())["machine"]["cpu"]
    if made_on == _cpu() and has_features("avx512f"):
        return got.dtype == expected.dtype and got.tobytes() == expected.tobytes()
    return bool(np.allclose(got, expected, rtol=1e-4, atol=1e-5))


@pytest.fixture
def expected() -> dict[str, np.ndarray]:
    return dict(np.load(golden.FOLDER / "expected.npz"))


@pytest.mark.parametrize("trust", [False, True])
def test_it_predicts(run: Path, expected: dict[str, np.ndarray], trust: bool) -> None:
    plugins = [] if trust else [run.parent / "bent.py"]
    assert same(
        numbann.load(run, trust=trust, plugins=plugins).predict_proba(golden.columns()), expected["probabilities"]
    )


def test_it_predicts_from_the_source_kept_in_it(run: Path, expected: dict[str, np.ndarray]) -> None:
    (run.parent / "bent.py").unlink()
    assert same(numbann.load(run, trust=True).predict_proba(golden.columns()), expected["probabilities"])


def test_it_goes_on(run: Path, expected: dict[str, np.ndarray]) -> None:
    numbann.resume(run, epochs=golden.EPOCHS, plugins=[run.parent / "bent.py"])
    found = golden.tensors(run)
    assert {"probabilities", *found} == set(expected)
    assert [name for name, tensor in found.items() if not same(tensor, expected[name])] == []


def test_its_sources_name_no_module_of_numbann() -> None:
    text = (golden.FOLDER / "run" / "model.safetensors").read_bytes()
    assert b"from numbann import" in text
    assert b"from numbann." not in text
    assert b"import numbann." not in text
