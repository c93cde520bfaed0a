"""The loop over epochs, with an engine that only counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from numbann.components.plugins import built_in
from numbann.errors import TrainingError
from numbann.training.loop import Course, fit
from numbann.training.rates import Rates
from numbann.training.state import State
from numbann.training.stopping import Watch


class Counter:
    """An engine whose loss of an epoch is taken from a list and whose weight is the number of epochs."""

    def __init__(self, losses: list[float]) -> None:
        self.losses, self.done = losses, 0

    def epoch(self, index: int, rates: np.ndarray, progress: Callable[[int, int], None]) -> float:
        self.done += 1
        progress(len(rates), len(rates))
        return self.losses[index]

    def parameters(self) -> dict[str, np.ndarray]:
        return {"layers.0.weight": np.full((1, 1), float(self.done))}

    def state(self) -> dict[str, np.ndarray]:
        return {"steps": np.array([self.done])}


def course(epochs: int, watch: Watch, validation: Mapping[str, float] | None = None) -> Course:
    rates = Rates(built_in().get("schedule", "constant").configured(), 0.1, 0, epochs, 5)
    return Course(epochs, rates, watch, watch.patience is not None, lambda: validation or {})


def run(losses: list[float], watch: Watch, state: State | None = None, **measured: float) -> list[State]:
    engine = Counter(losses)
    start = state or State(engine.parameters(), engine.state())
    return list(fit(engine, course(len(losses), watch, measured), start, lambda _: None))


def test_one_state_an_epoch() -> None:
    states = run([3.0, 2.0, 1.0], Watch("train_loss"), loss=0.5, accuracy=0.25)
    assert [state.epoch for state in states] == [1, 2, 3]
    record = dict(states[-1].history[-1])
    assert record.pop("seconds") >= 0
    validation = {"validation_loss": 0.5, "validation_accuracy": 0.25}
    assert record == {"epoch": 3, "train_loss": 1.0, **validation, "learning_rate": 0.1}


def test_early_stopping_keeps_the_best_tensors() -> None:
    states = run([3.0, 1.0, 2.0, 2.0, 0.0], Watch("train_loss", patience=2))
    last = states[-1]
    assert (last.epoch, last.best.epoch) == (4, 2)
    assert last.best_tensors is not None
    assert last.best_tensors["layers.0.weight"] == 2.0
    assert last.tensors["layers.0.weight"] == 4.0


def test_it_goes_on_after_the_epochs_done() -> None:
    first = run([3.0, 2.0], Watch("train_loss"))[-1]
    rest = run([3.0, 2.0, 1.0], Watch("train_loss"), first)
    assert [state.epoch for state in rest] == [3]


def test_progress_is_told() -> None:
    events: list[Any] = []
    engine = Counter([1.0])
    list(fit(engine, course(1, Watch("train_loss")), State(engine.parameters(), engine.state()), events.append))
    assert [(event.epoch, event.done, event.steps) for event in events] == [(1, 5, 5)]


@pytest.mark.parametrize("value", [nan, inf])
def test_a_loss_that_is_not_finite_ends_the_run(value: float) -> None:
    with pytest.raises(TrainingError, match=r"epoch 2: train_loss is .*learning rate 0\.1.*smaller"):
        run([1.0, value], Watch("train_loss"))


def test_so_does_a_validation_loss() -> None:
    with pytest.raises(TrainingError, match="epoch 1: validation_loss is nan"):
        run([1.0], Watch("train_loss"), loss=nan)
