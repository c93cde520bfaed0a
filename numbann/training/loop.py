"""The loop over epochs, on one screen.  It knows arrays and numbers; it writes no file and prints nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from time import perf_counter
from typing import Any

import numpy as np

from numbann.errors import TrainingError
from numbann.training.callbacks import Callback, StepsDone
from numbann.training.state import State
from numbann.training.stopping import Watch, exhausted, judged


@dataclass(frozen=True)
class Course:
    """How a run goes: how many epochs, the rate of each step of one, what is watched; `validate` measures an epoch."""

    epochs: int
    rates: np.ndarray
    watch: Watch
    keep_best: bool
    validate: Callable[[], Mapping[str, float]]


def fit(engine: Any, course: Course, state: State, tell: Callback) -> Iterator[State]:
    """Train epoch by epoch from a state on; yields the state after each."""
    while state.epoch < course.epochs and not exhausted(course.watch, state.best):
        state = _next(engine, course, state, _epoch(engine, course, state.epoch, tell))
        yield state


def _epoch(engine: Any, course: Course, index: int, tell: Callback) -> dict[str, Any]:
    """Train one epoch and measure it: a line of the history."""
    learning_rate = float(course.rates[-1])
    start = perf_counter()
    train_loss = engine.epoch(index, course.rates, lambda done, steps: tell(StepsDone(index + 1, done, steps)))
    seconds = perf_counter() - start
    record = {"epoch": index + 1, "train_loss": train_loss}
    _require_finite(record, learning_rate)
    record |= {f"validation_{name}": value for name, value in course.validate().items()}
    _require_finite(record, learning_rate)
    return {**record, "learning_rate": learning_rate, "seconds": round(seconds, 6)}


def _next(engine: Any, course: Course, state: State, record: dict[str, Any]) -> State:
    """The state with one more epoch in it."""
    best = judged(course.watch, state.best, record["epoch"], record[course.watch.key])
    weights = engine.weights()
    improved = best.epoch == record["epoch"]
    best_weights = (weights if improved else state.best_weights) if course.keep_best else None
    return State(weights, engine.state(), (*state.history, record), best, best_weights)


def _require_finite(record: Mapping[str, Any], learning_rate: float) -> None:
    """A loss that is infinite or no number ends the run."""
    for key in ("train_loss", "validation_loss"):
        if key in record and not isfinite(record[key]):
            raise TrainingError(
                f"epoch {record['epoch']}: {key} is {record[key]} (learning rate {learning_rate:g}); "
                'try a smaller optimizer.learning_rate, and check that data.scale is not "none"'
            )
