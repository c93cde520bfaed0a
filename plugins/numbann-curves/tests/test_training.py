"""The examples train; numbann finds their names because this distribution is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

import numbann

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize(
    ("name", "metric", "least"), [("digits", "accuracy", 0.97), ("diabetes", "r2", 0.35), ("faults", "roc_auc", 0.95)]
)
def test_an_example_trains(name: str, metric: str, least: float, tmp_path: Path) -> None:
    run = numbann.train(EXAMPLES / f"{name}.json", output=tmp_path / name)
    assert run.metrics["test"][metric] > least


def test_all_examples_are_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.json")} == {"digits", "diabetes", "faults"}


@pytest.mark.parametrize("activation", ["entmax15", "taylor_softmax", "binary_concrete", "acon"])
def test_rows_noise_and_trained_parameters_train(activation: str, tmp_path: Path) -> None:
    layers = [{"units": 32, "activation": "elish"}, {"units": 16, "activation": activation}]
    changes = {"model.layers": layers, "train.epochs": 10, "loss": "generalized_cross_entropy"}
    run = numbann.train(EXAMPLES / "digits.json", output=tmp_path / "run", overrides=changes)
    assert run.history[-1]["train_loss"] < 0.9 * run.history[0]["train_loss"]
