"""Runs with optimizers of a plugin that keep more than weights and states of their shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.errors import SpecError

TEXT = '''
from numbann import hookimpl, optimizer

SHAPES = {"left": "II", "total": "1"}


@optimizer(predicts="slow")
def slow(w, g, m, slow, step, learning_rate: float = 0.1):
    """Slow: the mean of all weights so far predicts."""
    m = 0.9 * m + 0.1 * g
    w = w - learning_rate * m
    return w, m, slow + (w - slow) / step


@optimizer(form="matrix", shapes=SHAPES, predicts="slow")
def whole(w, g, slow, left, total, step, learning_rate: float = 0.1):
    """Whole: steps of the length of the rate, over the network."""
    left += g @ g.T
    total += yield (g * g).sum()
    w -= learning_rate * g / (total / step + 1e-12) ** 0.5
    slow += (w - slow) / step


@hookimpl
def numbann_register(register):
    register(slow)
    register(whole)
'''


@pytest.fixture
def spec(here: Path, write_spec: Callable[..., Path]) -> Callable[..., Path]:
    """Write a spec that names an optimizer of the plugin."""
    (here / "mine.py").write_text(TEXT)

    def write(name: str, **train: Any) -> Path:
        return write_spec(plugins=["mine.py"], optimizer={"type": name}, train={"epochs": 5, **train})

    return write


def interrupt(event: Any) -> None:
    """Interrupt a run after its second epoch."""
    if getattr(event, "record", {}).get("epoch") == 2:
        raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["slow", "whole"])
def test_a_run_goes_on_bit_for_bit(spec: Callable[..., Path], name: str) -> None:
    run = numbann.train(spec(name), output="whole")
    assert run.metrics["validation"]["loss"] == min(record["validation_loss"] for record in run.history)
    assert run.history[-1]["validation_loss"] < run.history[0]["validation_loss"]
    with pytest.raises(numbann.Interrupted):
        numbann.train(spec(name), output="parts", callbacks=[interrupt])
    parts = numbann.resume("parts", plugins=["mine.py"])
    assert (run.path / "model.safetensors").read_bytes() == (parts.path / "model.safetensors").read_bytes()


@pytest.mark.parametrize("name", ["slow", "whole"])
def test_the_model_is_what_was_validated_and_its_source_is_kept(
    spec: Callable[..., Path], name: str, here: Path
) -> None:
    run = numbann.train(spec(name), output="run")
    (here / "mine.py").unlink()
    again = numbann.load(run.path, trust=True)
    x = np.zeros((3, 2))
    assert np.array_equal(again.predict_proba(x), run.model.predict_proba(x))


def test_an_average_of_its_weights_is_refused(spec: Callable[..., Path]) -> None:
    with pytest.raises(SpecError, match=r"train\.average: slow predicts with weights of its own; leave average out"):
        numbann.train(spec("slow", average=0.9))
