"""The one-file plugin of examples/: its mathematics, and that its spec trains with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import numbann
from numbann.kernels.components import array_functions
from numbann.plugins.finding import with_files

EXAMPLES = Path(__file__).parents[1] / "examples"
REGISTRY = with_files([EXAMPLES / "plugin.py"])
STEP = 1e-6


def test_its_activation() -> None:
    z = np.linspace(-5, 5, 21) + 0.01
    functions = array_functions(REGISTRY.get("activation", "isrlu"))
    isrlu = functions["isrlu"]
    np.testing.assert_allclose(isrlu(z, 2.0), np.where(z < 0, z / np.sqrt(1 + 2 * z * z), z))
    slope = (isrlu(z + STEP, 2.0) - isrlu(z - STEP, 2.0)) / (2 * STEP)
    np.testing.assert_allclose(functions["isrlu_backward"](np.ones_like(z), z, isrlu(z, 2.0), 2.0), slope, rtol=1e-6)


def test_its_loss() -> None:
    charbonnier = array_functions(REGISTRY.get("loss", "charbonnier"))["charbonnier"]
    y, t = np.linspace(-3, 3, 13)[:, None], np.full((13, 1), 0.2)
    value, dy = charbonnier(y, t, 0.5)
    assert value == pytest.approx((np.hypot(y - t, 0.5) - 0.5).mean())
    np.testing.assert_allclose(dy, (y - t) / np.hypot(y - t, 0.5) / len(y))


def test_its_optimizer_slows_down_where_gradients_stay_as_they_are() -> None:
    step = array_functions(REGISTRY.get("optimizer", "diffgrad"))["diffgrad_step"]
    w, states = np.zeros(1), [np.zeros(1) for _ in range(3)]
    moved = []
    for count in (1, 2, 3):
        before = w.copy()
        step(w, np.full(1, 4.0), *states, count)
        moved.append((before - w)[0] / 1e-3)
    assert moved == pytest.approx([1 / (1 + np.exp(-4.0)), 0.5, 0.5])


def test_its_spec_trains(tmp_path: Path) -> None:
    run = numbann.train(EXAMPLES / "plugin.json", output=tmp_path / "run")
    assert run.metrics["test"]["r2"] > 0.35
