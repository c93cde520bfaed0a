"""The loop over epochs: train, measure, note the best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from time import perf_counter
from typing import Any

from numbann.engine.interface import Engine
from numbann.errors import TrainingError
from numbann.fit.job import Job
from numbann.fit.rates import Rates
from numbann.fit.state import Record, State
from numbann.fit.stopping import exhausted, update_best


@dataclass(frozen=True)
class StepsDone:
    """The progress within an epoch, which is counted from 1; sent a few times a second."""

    epoch: int
    done: int
    steps: int


Tell = Callable[[StepsDone], None]
Diagnose = Callable[[int], Mapping[str, Any]]  # from an epoch's number, from 1, to more keys of its line of the history


def run_epochs(
    engine: Engine, job: Job, rates: Rates, state: State, tell: Tell, diagnose: Diagnose | None = None
) -> Iterator[Record]:
    """Train epoch by epoch from a state, which is kept up to date; yield each epoch's line of the history."""
    while state.epoch < job.epochs and not exhausted(job.watch, state.best):
        record = _run_epoch(engine, job, rates, state, tell, diagnose)
        if job.watch.key not in record:
            raise TrainingError(f'watch: "{job.watch.key}" is no key of the history; its keys are {", ".join(record)}')
        state.history.append(record)
        state.best = update_best(job.watch, state.best, record["epoch"], record[job.watch.key])
        state.kept = engine.snapshot(state.kept)
        if job.keep_best and state.best.epoch == record["epoch"]:
            state.best_kept = engine.snapshot(state.best_kept)
        yield record


def _run_epoch(engine: Engine, job: Job, rates: Rates, state: State, tell: Tell, diagnose: Diagnose | None) -> Record:
    """Train one epoch and measure it; return its line of the history, with the rate of its last step."""
    number, start = state.epoch + 1, perf_counter()
    steps, schedule = rates.of_epoch(number - 1, _monitor(state), state.schedule)
    loss = engine.epoch(number - 1, steps, lambda done, count: tell(StepsDone(number, done, count)))
    seconds, learning_rate = perf_counter() - start, float(steps[-1])
    record: Record = {"epoch": number, "train_loss": loss}
    found = diagnose(number) if diagnose else {}
    _require_finite(record, learning_rate)
    if job.validation is not None:
        rows = job.validation
        record["validation_loss"], outputs = engine.evaluate(rows.x, rows.t, rows.weight)
        record |= {f"validation_{name}": value for name, value in job.measure(outputs).items()}
        _require_finite(record, learning_rate)
    state.schedule = schedule
    return {**record, "learning_rate": learning_rate, "seconds": round(seconds, 6), **found}


def _monitor(state: State) -> float:
    """The loss that a schedule may look at: that of the last epoch, on the validation part if there is one."""
    last = state.history[-1] if state.history else {"train_loss": inf}
    return float(last.get("validation_loss", last["train_loss"]))


def _require_finite(record: Record, learning_rate: float) -> None:
    """End the training with TrainingError if a loss is infinite or NaN."""
    for key in ("train_loss", "validation_loss"):
        if key in record and not isfinite(record[key]):
            raise TrainingError(
                f"epoch {record['epoch']}: {key} is {record[key]} (learning rate {learning_rate:g}); "
                'try a smaller optimizer.learning_rate, and check that data.scale is not "none"'
            )
