"""`fit` trains a job in memory, on any of its rows and with any number of threads, beside other trainings."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from threading import Event
from typing import Any

import numpy as np

from numbann.engine.devices import make_engine
from numbann.engine.interface import Engine
from numbann.engine.shared.feeding import Inputs
from numbann.errors import ShapeError
from numbann.fit.finite import check_initial
from numbann.fit.job import Job, check_inputs
from numbann.fit.loop import Tell
from numbann.fit.state import State
from numbann.fit.stopped import run_until_stopped
from numbann.network.plan import Plan
from numbann.records import dataclass
from numbann.turns import result_of


@dataclass(frozen=True)
class Fitted:
    """A trained network: its tensors by name, a line of history for each epoch, and the best epoch."""

    plan: Plan
    tensors: Mapping[str, np.ndarray]
    history: Sequence[Mapping[str, Any]]
    best_epoch: int

    def predict(self, x: Inputs, threads: int | str = "auto") -> np.ndarray:
        """The network's outputs (N, O) for x (N, I)."""
        check_inputs(self.plan, x)
        with make_engine(self.plan, threads=threads) as engine:
            engine.set_parameters(self.tensors)
            return engine.predict(x)


def fit(
    job: Job,
    *,
    rows: np.ndarray | None = None,
    device: str = "auto",
    threads: int | str = "auto",
    tell: Tell = lambda event: None,
) -> Fitted:
    """Train a job; rows: the numbers of the training rows to use, or a mask of them; None for all.

    The result has the same bits for any number of threads, and whatever else the process trains at the same time.
    ShapeError for numbers of rows that there are not.
    """
    fitted: Fitted = result_of(fit_by_epochs, job, rows, device, threads, Event(), tell)
    return fitted


def fit_by_epochs(
    job: Job,
    rows: np.ndarray | None,
    device: str,
    threads: int | str,
    stop: Event,
    tell: Tell = lambda event: None,
) -> Generator[float, None, Fitted]:
    """As `fit`; yield now and then the share of the epochs that are done.  Stopped once an event is set."""
    rows = None if rows is None else _numbers(rows, len(job.train))
    with make_engine(job.plan, device, threads) as engine:
        load(engine, job, rows)
        state = begin(engine, job)
        for _ in run_until_stopped(engine, job, job.rates(rows), state, tell, stop):
            yield state.epoch / job.epochs
        take_best(engine, state)
        return Fitted(job.plan, engine.parameters(), tuple(state.history), state.best.epoch)


def _numbers(rows: np.ndarray, count: int) -> np.ndarray:
    """The numbers of rows, given as such or by a mask."""
    try:
        given = np.asarray(rows)
    except ValueError:  # of lists of several lengths
        given = np.array(None)
    if given.shape == (count,) and given.dtype == bool:
        given = np.flatnonzero(given)
    if wrong := _wrong(given, count):
        raise ShapeError(f"rows {wrong}; give whole numbers from 0 to {count - 1}, or a mask of {count}")
    return given.astype(np.int64)


def _wrong(rows: np.ndarray, count: int) -> str:
    """What is wrong with numbers of rows, in words; empty if nothing is."""
    if not rows.size:
        return "names no row"
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        return f"is {rows.dtype} {rows.shape}"
    outside = rows[(rows < 0) | (rows >= count)]
    return f"holds {outside[0]}" if len(outside) else ""


def load(engine: Engine, job: Job, rows: np.ndarray | None = None) -> None:
    """Give an engine the rows to train on; it compiles what training and evaluation need."""
    first = job.train.at(np.arange(1))
    engine.evaluate(first.x, first.t, None, first.group)
    engine.load_data(job.train.x, job.train.t, job.train.weight, rows, job.train.group)


def begin(engine: Engine, job: Job) -> State:
    """Set the initial weights; return the state before the first epoch.  TrainingError if they are not finite."""
    engine.initialize(job.plan.seed)
    check_initial(engine)
    return State(engine.snapshot())


def take_best(engine: Engine, state: State) -> int:
    """Set the weights of the best epoch, if they are kept; return the epoch whose weights the engine then has."""
    if state.best_kept is None:
        return state.epoch
    engine.set_parameters(state.best_kept.parameters())
    return state.best.epoch
