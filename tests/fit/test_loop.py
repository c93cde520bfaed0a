"""The loop over epochs, with an engine that only counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from networks import make_plan

from numbann.errors import TrainingError
from numbann.fit.job import Job, Rows
from numbann.fit.loop import run_epochs
from numbann.fit.state import State
from numbann.fit.stopping import Watch

ROWS = Rows(np.zeros((10, 2), np.float32), np.zeros((10, 2)))


@dataclass(frozen=True)
class Kept:
    """A snapshot: the number of epochs."""

    done: int


class Counter:
    """An engine whose loss of an epoch is taken from a list."""

    def __init__(self, losses: list[float], validation: float) -> None:
        self.losses, self.validation, self.done = losses, validation, 0

    def epoch(self, index: int, rates: np.ndarray, progress: Callable[[int, int], None]) -> float:
        self.done += 1
        progress(len(rates), len(rates))
        return self.losses[index]

    def evaluate(self, x: np.ndarray, t: np.ndarray, weight: np.ndarray | None) -> tuple[float, np.ndarray]:
        return self.validation, np.ones((len(x), 2))

    def snapshot(self, into: Any = None) -> Kept:
        return Kept(self.done)


def job(epochs: int, watch: Watch, measured: dict[str, float]) -> Job:
    return Job(
        plan=make_plan([2, 2], batch=2),
        train=ROWS,
        validation=ROWS if measured else None,
        epochs=epochs,
        learning_rate=0.1,
        watch=watch,
        keep_best=watch.patience is not None,
        measure=lambda outputs: {name: value for name, value in measured.items() if name != "loss"},
    )


def run(losses: list[float], watch: Watch, state: State | None = None, **measured: float) -> tuple[State, list[Any]]:
    """The state at the end, and what was told."""
    engine: Any = Counter(losses, measured.get("loss", 0.0))
    state, told = state or State(engine.snapshot()), []
    given = job(len(losses), watch, measured)
    assert [record["epoch"] for record in run_epochs(engine, given, given.rates(10), state, told.append)]
    return state, told


def test_one_record_an_epoch() -> None:
    state, _ = run([3.0, 2.0, 1.0], Watch("train_loss"), loss=0.5, accuracy=0.25)
    assert [record["epoch"] for record in state.history] == [1, 2, 3]
    record = dict(state.history[-1])
    assert record.pop("seconds") >= 0
    validation = {"validation_loss": 0.5, "validation_accuracy": 0.25}
    assert record == {"epoch": 3, "train_loss": 1.0, **validation, "learning_rate": 0.1}


def test_early_stopping_keeps_the_best_weights() -> None:
    state, _ = run([3.0, 1.0, 2.0, 2.0, 0.0], Watch("train_loss", patience=2))
    assert (state.epoch, state.best.epoch) == (4, 2)
    assert (state.best_kept, state.kept) == (Kept(2), Kept(4))


def test_it_goes_on_after_the_epochs_done() -> None:
    state, _ = run([3.0, 2.0], Watch("train_loss"))
    state, _ = run([3.0, 2.0, 1.0], Watch("train_loss"), state)
    assert [record["train_loss"] for record in state.history] == [3.0, 2.0, 1.0]


def test_progress_is_told() -> None:
    _, told = run([1.0], Watch("train_loss"))
    assert [(event.epoch, event.done, event.steps) for event in told] == [(1, 5, 5)]


@pytest.mark.parametrize("value", [nan, inf])
def test_a_loss_that_is_not_finite_ends_the_training(value: float) -> None:
    with pytest.raises(TrainingError, match=r"epoch 2: train_loss is .*learning rate 0\.1.*smaller"):
        run([1.0, value], Watch("train_loss"))


def test_so_does_a_validation_loss() -> None:
    with pytest.raises(TrainingError, match="epoch 1: validation_loss is nan"):
        run([1.0], Watch("train_loss"), loss=nan)
