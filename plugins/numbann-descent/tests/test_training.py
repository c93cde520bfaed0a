"""The examples train; numbann finds their names because this distribution is installed."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import pytest

import numbann

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = sorted(point.name for point in entry_points(group="numbann") if "descent" in point.value)
RATES = {"lars": 1.0, "prodigy": 1.0, "shampoo": 0.1, "signum": 0.001, "sgdw": 0.05, "aggmo": 0.01, "yogi": 0.005}


@pytest.mark.parametrize("name", ["adopt", "muon"])
def test_an_example_trains(name: str, tmp_path: Path) -> None:
    run = numbann.train(EXAMPLES / f"{name}.json", output=tmp_path / name)
    assert run.metrics["test"]["accuracy"] > 0.97


def test_all_examples_are_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.json")} == {"adopt", "muon"}


@pytest.mark.parametrize("name", ["lars", "prodigy", "schedule_free_adamw", "shampoo"])
def test_threads_change_no_bit(name: str, tmp_path: Path) -> None:
    models = []
    for threads in (1, 2):
        changes = {"optimizer": {"type": name}, "train.epochs": 2, "train.threads": threads}
        run = numbann.train(EXAMPLES / "adopt.json", output=tmp_path / str(threads), overrides=changes)
        models.append((run.path / "model.safetensors").read_bytes())
    assert models[0] == models[1]


@pytest.mark.parametrize("name", NAMES)
def test_each_of_them_trains(name: str, tmp_path: Path) -> None:
    changes = {"optimizer": {"type": name, "learning_rate": RATES.get(name, 0.003)}, "train.epochs": 15}
    run = numbann.train(EXAMPLES / "adopt.json", output=tmp_path / "run", overrides=changes)
    assert run.metrics["test"]["accuracy"] > 0.9
