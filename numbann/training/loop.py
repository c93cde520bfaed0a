"""The loop over epochs, on one screen.  It knows arrays and numbers; it writes no file and prints nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from time import perf_counter
from typing import Any

from numbann.engine.interface import Engine
from numbann.errors import TrainingError
from numbann.training.callbacks import Callback, StepsDone
from numbann.training.rates import Rates, States
from numbann.training.state import State
from numbann.training.stopping import Watch, exhausted, judged


@dataclass(frozen=True)
class Course:
    """How a run goes: how many epochs, the rate of each step, what is watched.

    `validate` measures an epoch; `diagnose` looks at its layers, for more keys of its line of the history.
    """

    epochs: int
    rates: Rates
    watch: Watch
    keep_best: bool
    validate: Callable[[], Mapping[str, float]]
    diagnose: Callable[[int], Mapping[str, Any]] = lambda epoch: {}


def fit(engine: Engine, course: Course, state: State, tell: Callback) -> Iterator[State]:
    """Train epoch by epoch from a state on; yields the state after each."""
    while state.epoch < course.epochs and not exhausted(course.watch, state.best):
        state = _next(engine, course, state, *_epoch(engine, course, state, tell))
        yield state


def _epoch(engine: Engine, course: Course, state: State, tell: Callback) -> tuple[dict[str, Any], States]:
    """Train one epoch and measure it: a line of the history, with the rate of the last step; the schedule's states."""
    index = state.epoch
    rates, schedule = course.rates.of_epoch(index, _monitor(state), state.schedule)
    learning_rate = float(rates[-1])
    start = perf_counter()
    train_loss = engine.epoch(index, rates, lambda done, steps: tell(StepsDone(index + 1, done, steps)))
    seconds = perf_counter() - start
    record, diagnosis = {"epoch": index + 1, "train_loss": train_loss}, course.diagnose(index + 1)
    _require_finite(record, learning_rate)
    record |= {f"validation_{name}": value for name, value in course.validate().items()}
    _require_finite(record, learning_rate)
    return {**record, "learning_rate": learning_rate, "seconds": round(seconds, 6), **diagnosis}, schedule


def _monitor(state: State) -> float:
    """What a schedule may look at: the loss of the last epoch, of the validation part if there is one."""
    last = state.history[-1] if state.history else {"train_loss": inf}
    return float(last.get("validation_loss", last["train_loss"]))


def _next(engine: Engine, course: Course, state: State, record: dict[str, Any], schedule: States) -> State:
    """The state with one more epoch in it."""
    best = judged(course.watch, state.best, record["epoch"], record[course.watch.key])
    tensors = engine.parameters()
    improved = best.epoch == record["epoch"]
    best_tensors = (tensors if improved else state.best_tensors) if course.keep_best else None
    return State(tensors, engine.state(), (*state.history, record), best, best_tensors, schedule)


def _require_finite(record: Mapping[str, Any], learning_rate: float) -> None:
    """A loss that is infinite or no number ends the run."""
    for key in ("train_loss", "validation_loss"):
        if key in record and not isfinite(record[key]):
            raise TrainingError(
                f"epoch {record['epoch']}: {key} is {record[key]} (learning rate {learning_rate:g}); "
                'try a smaller optimizer.learning_rate, and check that data.scale is not "none"'
            )
