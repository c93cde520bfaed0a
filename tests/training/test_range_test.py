"""The learning-rate range test, on curves of a known form and on real networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.data import memory
from numbann.errors import SpecError, TrainingError
from numbann.training import range_test
from numbann.training.range_test import suggest

WriteSpec = Callable[..., Path]
RATES = np.geomspace(1e-7, 10, 200)


def curve(rates: np.ndarray, fall: float, rise: float) -> np.ndarray:
    """A loss that falls from 2 to 1, fastest at one rate, and explodes from another on."""
    return 1 + 1 / (1 + (rates / fall) ** 2) + (rates / rise) ** 4


# ---- judging


def test_the_steepest_descent_is_suggested() -> None:
    found = suggest(RATES, curve(RATES, 1e-3, 0.3))
    assert found.suggestion == pytest.approx(1e-3, rel=0.15)
    assert len(found.rates) == len(found.losses) == len(found.smoothed) < 200
    low = found.rates[found.smoothed.argmin()]
    assert found.cautious == pytest.approx(low / 10, rel=0.05)
    assert 0.01 < low < 0.3


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_averaged(seed: int) -> None:
    noise = 0.1 * np.random.default_rng(seed).standard_normal(200)
    assert 2e-4 < suggest(RATES, curve(RATES, 1e-3, 0.3) + noise).suggestion < 5e-3


def test_it_ends_where_the_loss_is_no_number() -> None:
    losses = curve(RATES, 1e-3, 1e9)
    losses[150:] = np.nan
    found = suggest(RATES, losses)
    assert len(found.losses) == 150
    assert np.isfinite(found.smoothed).all()


def test_it_ends_where_the_loss_explodes() -> None:
    losses = curve(RATES, 1e-3, 0.3)
    found = suggest(RATES, losses)
    assert losses[len(found.losses) - 5] < 8 < losses[len(found.losses) + 5]


def test_a_loss_below_zero() -> None:
    assert suggest(RATES, curve(RATES, 1e-3, 1e9) - 5).suggestion == pytest.approx(1e-3, rel=0.15)


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        (np.full(200, np.nan), "from the start"),
        (np.full(200, 2.0), "falls at no rate"),
        (np.linspace(1, 2, 200), "falls at no rate"),
        (2 + 0.1 * np.random.default_rng(0).standard_normal(200), "falls at no rate"),
    ],
    ids=["nan", "flat", "rising", "noise"],
)
def test_losses_that_do_not_fall(losses: np.ndarray, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        suggest(RATES, losses)


# ---- networks


@pytest.mark.parametrize("batch_size", [16, 32, "full"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_suggested_rate_learns(write_spec: WriteSpec, here: Path, batch_size: Any, optimizer: str) -> None:
    spec = write_spec(
        optimizer={"type": optimizer, "learning_rate": 1e-9}, train={"batch_size": batch_size, "epochs": 30}
    )
    before = sorted(here.rglob("*"))
    found = numbann.find_learning_rate(spec)
    assert sorted(here.rglob("*")) == before
    assert 1e-4 < found.suggestion < 10
    np.testing.assert_allclose(found.rates, RATES[: len(found.rates)])
    run = numbann.train(spec, overrides={"optimizer.learning_rate": found.suggestion})
    assert run.history[-1]["train_loss"] < 0.5 * run.history[0]["train_loss"]


def test_the_loss_of_a_step_is_that_before_it(write_spec: WriteSpec) -> None:
    """At rates of nearly nothing every epoch over a full batch has the loss of the initial weights."""
    spec = write_spec(train={"batch_size": "full"})
    with pytest.raises(TrainingError, match="falls at no rate from 1e-30 to 1e-29"):
        numbann.find_learning_rate(spec, lowest=1e-30, highest=1e-29, steps=20)


def test_the_same_seed_gives_the_same_curve(write_spec: WriteSpec) -> None:
    one, two, other = (numbann.find_learning_rate(write_spec(), seed=seed, steps=60) for seed in (1, 1, 2))
    assert (one.losses == two.losses).all()
    assert len(one.losses) != len(other.losses) or (one.losses != other.losses).any()


def test_a_large_part_is_sampled(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """50 steps of 8 rows need 400 of 2000; in memory or not is the same."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 2000)
    np.save("x.npy", random.standard_normal((2000, 5)).astype(np.float32) + 3 * y[:, None])
    np.save("y.npy", y)
    spec = {"data": {"path": {"x": "x.npy", "y": "y.npy"}}, "model": {"layers": []}, "train": {"batch_size": 8}}
    seen: list[int] = []
    enough = range_test._choose_rows

    def counted(*given: Any) -> Any:
        part = enough(*given)
        seen.append(len(part))
        return part

    monkeypatch.setattr(range_test, "_choose_rows", counted)
    whole = numbann.find_learning_rate(spec, steps=50)
    monkeypatch.setattr(memory, "SHARE", 0)
    streamed = numbann.find_learning_rate(spec, steps=50)
    assert seen == [400, 400]
    assert (whole.losses == streamed.losses).all()


def test_an_optimizer_without_a_rate_is_refused(write_spec: WriteSpec) -> None:
    plugin = write_spec().parent / "rateless.py"
    plugin.write_text(
        '"""A test."""\nfrom numbann import hookimpl, optimizer\n\n@optimizer\ndef still(w, g):\n    """Still."""\n'
        "    return w\n\n@hookimpl\ndef numbann_register(register):\n    register(still)\n"
    )
    spec = write_spec(plugins=["rateless.py"], optimizer={"type": "still", "learning_rate": 1.0})
    with pytest.raises(SpecError, match='optimizer: "still" finds the length of its steps itself'):
        numbann.find_learning_rate(spec)


@pytest.mark.parametrize("given", [{"lowest": 1.0, "highest": 0.1}, {"lowest": 0.0}, {"steps": 5}])
def test_rates_must_grow(write_spec: WriteSpec, given: Any) -> None:
    with pytest.raises(ValueError, match="rates must grow"):
        numbann.find_learning_rate(write_spec(), **given)
