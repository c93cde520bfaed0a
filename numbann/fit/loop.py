"""The loop over epochs: train, measure, note the best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import inf
from time import perf_counter
from typing import Any

import numpy as np

from numbann.engine.interface import Engine, Paused
from numbann.errors import TrainingError
from numbann.fit.finite import NotFiniteError, check_loss, check_steps
from numbann.fit.job import Job
from numbann.fit.pause import NEVER, Pause
from numbann.fit.rates import Rates
from numbann.fit.state import NO_LOSSES, Record, State
from numbann.fit.stopping import exhausted, update_best
from numbann.records import dataclass

PIECE = 10.0  # seconds of training after which its numbers are looked at, in the midst of an epoch too


@dataclass(frozen=True)
class StepsDone:
    """The progress within an epoch, which is counted from 1; sent a few times a second."""

    epoch: int
    done: int
    steps: int


Tell = Callable[[StepsDone], object]
Diagnose = Callable[[int], Mapping[str, Any]]  # from an epoch's number, from 1, to more keys of its line of the history


def run_epochs(
    engine: Engine,
    job: Job,
    rates: Rates,
    state: State,
    tell: Tell,
    diagnose: Diagnose | None = None,
    pause: Pause = NEVER,
) -> Iterator[Record | None]:
    """Train epoch by epoch from a state, which is kept up to date; yield each epoch's line of the history.

    Yields None at a pause, inside an epoch or between its last step and its measures.
    """
    courses = job.courses(rates.steps)
    while state.epoch < job.epochs and not exhausted(job.watch, state.best):
        steps, schedule = rates.of_epoch(state.epoch, _monitor(state), state.schedule)
        moved = {
            name: course.of_epoch(state.epoch, _monitor(state), state.courses.get(name, ()))
            for name, course in courses.items()
        }
        numbers = {name: found for name, (found, _) in moved.items()}
        try:
            while (loss := _train(engine, state, steps, numbers, tell, pause)) is None:
                yield None
        except NotFiniteError:
            if diagnose:
                diagnose(state.epoch + 1)
            raise
        if job.validation is not None and pause.due_between():
            yield None
        record = _measure(engine, job, state, loss, float(steps[-1]), diagnose)
        if job.watch.key not in record:
            raise TrainingError(f'watch: "{job.watch.key}" is no key of the history; its keys are {", ".join(record)}')
        with pause.whole:
            state.schedule, state.courses = schedule, {name: states for name, (_, states) in moved.items()}
            _end_epoch(job, state, record)
        yield record


def _end_epoch(job: Job, state: State, record: Record) -> None:
    """Note the record of an epoch, and keep the weights of the best one."""
    state.history.append(record)
    state.losses, state.seconds = NO_LOSSES, 0.0
    state.best = update_best(job.watch, state.best, record["epoch"], record[job.watch.key])
    if job.keep_best and state.best.epoch == record["epoch"]:
        state.keep_as_best()


def _train(
    engine: Engine, state: State, rates: np.ndarray, numbers: Mapping[str, np.ndarray], tell: Tell, pause: Pause
) -> float | None:
    """Train an epoch, or what is left of it; return its loss, or None at a pause.

    The state takes only numbers that are finite.
    """
    number, start = state.epoch + 1, perf_counter()

    def progress(done: int, count: int) -> None:
        tell(StepsDone(number, done, count))
        if pause.due() or perf_counter() - start > PIECE:
            raise Paused

    with pause.whole:
        with pause.steps:
            try:
                loss = engine.epoch(number - 1, rates, progress, state.losses, numbers)
            except Paused:
                loss = None
        seconds, losses = perf_counter() - start, engine.step_losses()
        check_steps(engine, number, losses, float(losses.mean()) if loss is None else loss, rates)
        state.keep(engine)
        state.losses = losses
        state.seconds += seconds
    return loss


def _measure(
    engine: Engine, job: Job, state: State, loss: float, learning_rate: float, diagnose: Diagnose | None
) -> Record:
    """Measure a trained epoch; return its line of the history, with the rate of its last step."""
    record: Record = {"epoch": state.epoch + 1, "train_loss": loss}
    found = diagnose(record["epoch"]) if diagnose else {}
    if job.validation is not None:
        rows = job.validation
        record["validation_loss"], outputs = engine.evaluate(rows.x, rows.t, rows.weight, rows.group)
        check_loss(engine, record["epoch"], "validation_loss", record["validation_loss"], learning_rate)
        record |= {f"validation_{name}": value for name, value in job.measure(outputs).items()}
    return {**record, "learning_rate": learning_rate, "seconds": round(state.seconds, 6), **found}


def _monitor(state: State) -> float:
    """The loss that a schedule may look at: that of the last epoch, on the validation part if there is one."""
    last = state.history[-1] if state.history else {"train_loss": inf}
    return float(last.get("validation_loss", last["train_loss"]))
