"""The temperature of probabilities: beside a fine search, and in whole runs, where it is in the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.errors import SpecError
from numbann.model.temperature import find_temperature


def softmax(z: np.ndarray) -> np.ndarray:
    shares = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def log_loss(z: np.ndarray, t: np.ndarray, weight: np.ndarray, link: str) -> float:
    if link == "softmax":
        return float(np.average(-np.log(softmax(z)[np.arange(len(z)), t]), weights=weight))
    losses = np.log1p(np.exp(np.where(t == 1, -z, z))).mean(axis=1)
    return float(np.average(losses, weights=weight))


@pytest.mark.parametrize("link", ["softmax", "sigmoid"])
@pytest.mark.parametrize("heat", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_has_the_least_log_loss(link: str, heat: float, weighted: bool) -> None:
    random = np.random.default_rng(3)
    z = random.normal(0, 2, (4000, 3))
    p = softmax(z) if link == "softmax" else 1 / (1 + np.exp(-z))
    t = np.array([random.choice(3, p=row) for row in p]) if link == "softmax" else (random.random(z.shape) < p) * 1.0
    weight = random.integers(0, 3, len(z)).astype(float) if weighted else np.ones(len(z))
    hot = z * heat
    y = (softmax(hot) if link == "softmax" else 1 / (1 + np.exp(-hot))).astype(np.float32)
    found = find_temperature(y, t, link, weight if weighted else None)
    assert found == pytest.approx(heat, rel=0.1)
    losses = {factor: log_loss(hot / (found * factor), t, weight, link) for factor in (0.99, 1.0, 1.01)}
    assert min(losses, key=lambda factor: losses[factor]) == 1.0


def test_targets_may_be_probabilities() -> None:
    z = np.random.default_rng(0).normal(0, 1, (500, 4))
    assert find_temperature(softmax(3 * z), softmax(z), "softmax") == pytest.approx(3, rel=1e-6)


@pytest.mark.parametrize("link", ["softmax", "sigmoid"])
def test_probabilities_that_are_always_right_or_wrong(link: str) -> None:
    y = np.array([[1.0, 0.0]] * 3, np.float32)
    right, wrong = (np.zeros(3, int), np.ones(3, int)) if link == "softmax" else (y, 1 - y)
    assert 0.1 <= find_temperature(y, right, link) < 0.4
    assert find_temperature(y, wrong, link) == pytest.approx(10)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_run_keeps_it_in_its_last_layer(tmp_path: Path, classes: int) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 4))
    y = (x[:, 0] + random.normal(0, 1, 300) > 0).astype(int) + (classes == 3) * (x[:, 1] > 1)
    np.savez(tmp_path / "d.npz", x=x, y=y)
    spec: dict[str, Any] = {
        "data": {"path": str(tmp_path / "d.npz"), "task": "classification"},
        "model": {"layers": [32]},
        "train": {"epochs": 30, "metrics": ["log_loss", "accuracy"], "select": None},
        "optimizer": {"type": "adam", "learning_rate": 0.02},
    }
    plain = numbann.train(spec, output=tmp_path / "plain")
    found = numbann.train({**spec, "train": {**spec["train"], "calibrate": "temperature"}}, output=tmp_path / "run")
    temperature = found.metrics["temperature"]
    assert temperature > 1.1, "so many epochs make a net too sure"
    assert found.metrics["validation"]["log_loss"] < plain.metrics["validation"]["log_loss"]
    assert found.metrics["validation"]["accuracy"] == plain.metrics["validation"]["accuracy"]
    (*first, w), (*others, v) = (model.weights for model in (plain.model, found.model))
    assert all(
        np.array_equal(a, b) for one, other in zip(first, others, strict=True) for a, b in zip(one, other, strict=True)
    )
    assert all(np.array_equal(a / np.float32(temperature), b) for a, b in zip(w, v, strict=True))
    stored = numbann.load(tmp_path / "run")
    assert np.array_equal(stored.predict_proba(x), found.model.predict_proba(x))
    assert "temperature" not in plain.metrics


def test_it_needs_probabilities(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.arange(40.0)[:, None], y=np.arange(40.0) + 0.5)
    spec = {"data": {"path": str(tmp_path / "d.npz")}, "model": {"layers": []}, "train": {"calibrate": "temperature"}}
    with pytest.raises(SpecError, match=r"train.calibrate: needs probabilities of classes, which mse does not give"):
        numbann.train(spec, output=tmp_path / "run")
