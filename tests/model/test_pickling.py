"""Models go to other processes, also after they have predicted, and with components of plugins in files."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import numbann

WriteSpec = Callable[..., Path]
POINTS = np.array([[0.0, 3.0], [3.0, 0.0], [-3.0, 0.0]])
PLUGIN = """from math import exp
from numbann import activation, hookimpl

def half(z):
    return z / 2

@activation
def bent(z, alpha: float = 0.5):
    return half(alpha * z) if z < 0 else z

@hookimpl
def numbann_register(register):
    register(bent)
"""


@pytest.fixture
def model(write_spec: WriteSpec, here: Path) -> numbann.Model:
    """A model that has predicted, with a component of a plugin that is gone."""
    (here / "bent.py").write_text(PLUGIN)
    layers = [{"units": 4, "activation": {"type": "bent", "alpha": 0.3}, "norm": "batch"}, {"units": 3}]
    run = numbann.train(write_spec(plugins=["bent.py"], model={"layers": layers}), threads=1)
    run.model.predict(POINTS)
    (here / "bent.py").unlink()
    return run.model


def test_in_this_process(model: numbann.Model) -> None:
    expected = model.predict_proba(POINTS).tobytes()
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert again.predict_proba(POINTS).tobytes() == expected
        assert (repr(again), again.threads, again.features) == (repr(model), model.threads, model.features)
        assert pickle.loads(pickle.dumps(again)).predict_proba(POINTS).tobytes() == expected


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_in_another_process(model: numbann.Model, method: str) -> None:
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply(model.predict_proba, (POINTS,)).tobytes() == model.predict_proba(POINTS).tobytes()
