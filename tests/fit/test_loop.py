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
from numbann.fit import loop
from numbann.fit.job import Job, Rows
from numbann.fit.loop import run_epochs
from numbann.fit.pause import Pause
from numbann.fit.state import State
from numbann.fit.stopping import Watch

ROWS = Rows(np.zeros((10, 2), np.float32), np.zeros((10, 2)))


@dataclass(frozen=True)
class Kept:
    """A snapshot: the number of epochs."""

    done: int


class Counter:
    """An engine whose loss of an epoch is taken from a list; it stops after every step if it is asked to.

    finite: whether its weights are, by the number of epochs done.
    """

    plan = make_plan([2, 2], batch=2)

    def __init__(
        self, losses: list[float], validation: float, finite: Callable[[int], bool] = lambda done: True
    ) -> None:
        self.losses, self.validation, self.finite = losses, validation, finite
        self.done, self.found = 0, np.empty(0)

    def epoch(
        self, index: int, rates: np.ndarray, progress: Callable[[int, int], None], losses: np.ndarray, numbers: object
    ) -> float:
        for step in range(len(losses), len(rates)):
            self.found = np.full(step + 1, self.losses[index])
            progress(step + 1, len(rates))
        self.done += 1
        return self.losses[index]

    def step_losses(self) -> np.ndarray:
        return self.found

    def is_finite(self) -> bool:
        return self.finite(self.done)

    def parameters(self) -> dict[str, np.ndarray]:
        return {"layers.0.weight": np.array([1.0 if self.is_finite() else nan])}

    def evaluate(self, x: np.ndarray, t: np.ndarray, *more: Any) -> tuple[float, np.ndarray]:
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
    engine.done = state.epoch
    given = job(len(losses), watch, measured)
    assert [record["epoch"] for record in run_epochs(engine, given, given.rates(), state, told.append)]
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


def test_a_better_epoch_copies_nothing_more() -> None:
    """An epoch is one snapshot, best or not, into one of two that are there."""
    engine: Any = Counter([3.0, 2.0, 1.0, 2.0, 2.0, 0.5, 4.0], 0.0)
    taken: list[Any] = []

    def snapshot(into: Any = None) -> Any:
        taken.append(into)
        return into or object()

    engine.snapshot = snapshot
    given, state = job(7, Watch("train_loss", patience=9), {}), State(snapshot())
    list(run_epochs(engine, given, given.rates(), state, lambda event: None))
    assert len(taken) == 1 + 7
    assert (state.best.epoch, taken.count(None)) == (6, 1 + 1)
    assert state.kept is not state.best_kept


def test_it_goes_on_after_the_epochs_done() -> None:
    state, _ = run([3.0, 2.0], Watch("train_loss"))
    state, _ = run([3.0, 2.0, 1.0], Watch("train_loss"), state)
    assert [record["train_loss"] for record in state.history] == [3.0, 2.0, 1.0]


def test_progress_is_told() -> None:
    _, told = run([1.0], Watch("train_loss"))
    assert [(event.epoch, event.done, event.steps) for event in told] == [(1, done, 5) for done in range(1, 6)]


@pytest.mark.parametrize("value", [nan, inf])
def test_a_loss_that_is_not_finite_ends_the_training(value: float) -> None:
    with pytest.raises(TrainingError, match=r"epoch 2: train_loss is .*learning rate 0\.1.*smaller"):
        run([1.0, value], Watch("train_loss"))


def test_so_do_weights_with_a_loss_that_is_finite() -> None:
    """As after a last step that is too long: nothing measures the weights that it leaves."""
    engine: Any = Counter([1.0, 1.0], 0.0, lambda done: done < 2)
    given, state = job(2, Watch("train_loss"), {}), State(engine.snapshot())
    with pytest.raises(
        TrainingError, match=r"epoch 2: after step 5 of 5: the weights of layer 1 are not finite.*rate 0"
    ):
        list(run_epochs(engine, given, given.rates(), state, print))
    assert (state.epoch, state.kept) == (1, Kept(1))


class EveryStep(Pause):
    """Due after each step."""

    def due(self) -> bool:
        return True


def test_a_pause_leaves_a_state_between_two_steps() -> None:
    engine: Any = Counter([3.0, 2.0], 0.5)
    given, state, places = job(2, Watch("train_loss"), {"loss": 0.5}), State(engine.snapshot()), []
    for record in run_epochs(engine, given, given.rates(), state, lambda event: None, pause=EveryStep()):
        places.append((*state.place, record is None))
    steps = [1, 2, 3, 4, 5]
    inside = [(0, step, True) for step in steps], [(1, step, True) for step in steps]
    assert places == [*inside[0], (0, 5, True), (1, 0, False), *inside[1], (1, 5, True), (2, 0, False)]
    assert [record["train_loss"] for record in state.history] == [3.0, 2.0]


def test_numbers_are_looked_at_in_the_midst_of_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "PIECE", -1)
    engine: Any = Counter([1.0], 0.0, lambda done: len(engine.found) < 3)
    given, state = job(1, Watch("train_loss"), {}), State(engine.snapshot())
    with pytest.raises(TrainingError, match=r"epoch 1: after step 3 of 5: the weights of layer 1 are not finite"):
        list(run_epochs(engine, given, given.rates(), state, lambda event: None))
    assert state.place == (0, 2)


def test_so_does_a_validation_loss() -> None:
    with pytest.raises(TrainingError, match="epoch 1: validation_loss is nan"):
        run([1.0], Watch("train_loss"), loss=nan)
