"""A plugin's embedding in a model file: its terms and what starts them are kept, found again, and compared."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import numbann
from numbann.errors import RunDirectoryError

PLUGIN = '''
from math import cos, pi, sin, tanh
from typing import Annotated

from numbann import Learnable, Positive, embedding, hookimpl, initializer, learnable


def turned(x, frequency):
    return 2 * pi * frequency * x


@initializer
def spread(shape, random, deviation: Positive = 0.1):
    return random.normal(0, deviation, shape)


@embedding(terms="waves", passes=True)
def waves_of(z, offset: Learnable = 0.0, waves: int = 8, outputs: int = 3, deviation: Positive = 0.3, shift: float = 1):
    """Waves."""
    return tanh(z + offset)


@waves_of.term
def cosine(x, shift, frequency: Annotated[float, learnable(start=spread)] = 1.0):
    return cos(turned(x, frequency) + shift)


@cosine.derivative("frequency")
def cosine_slope(x, shift, frequency):
    return -sin(turned(x, frequency) + shift) * 2 * pi * x


@waves_of.term
def sine(x, frequency: Annotated[float, learnable(start=spread)] = 1.0):
    return sin(turned(x, frequency))


@hookimpl
def numbann_register(register):
    register(waves_of)
'''


def test_a_model_keeps_its_source_and_knows_its_code(write_spec: Callable[..., Path], here: Path) -> None:
    (here / "waves.py").write_text(PLUGIN)
    chosen = {"type": "waves_of", "waves": 5, "shift": 0.1}
    spec = write_spec(model={"input": {"embedding": chosen}, "layers": [8]}, plugins=["waves.py"])
    run = numbann.train(spec, output="run")
    x = np.random.default_rng(0).standard_normal((5, 2))
    expected = numbann.load(run.path, plugins=[here / "waves.py"]).predict_proba(x)
    kept = numbann.load(run.path, trust=True)
    np.testing.assert_array_equal(kept.predict_proba(x), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(kept)).predict_proba(x), expected)
    assert kept.tensors["input.embedding.mix"].size == 2 * (2 * 5) * 2
    with pytest.raises(RunDirectoryError, match='needs embedding "waves_of"'):
        numbann.load(run.path)
    (here / "waves.py").write_text(PLUGIN.replace("cos(turned(x, frequency) + shift)", "cos(turned(x, frequency))"))
    with pytest.raises(RunDirectoryError, match='embedding "waves_of" has changed since the model was trained'):
        numbann.load(run.path, plugins=[here / "waves.py"])
