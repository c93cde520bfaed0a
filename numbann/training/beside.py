"""Trains one of several models side by side, and passes its events on.

One whose course nobody keeps on disk ends in the midst of an epoch once nobody waits for it any more.
"""

from __future__ import annotations

from collections.abc import Iterator

from numbann.engine.interface import Engine
from numbann.errors import NumbannError
from numbann.fit.job import Job
from numbann.fit.state import State
from numbann.fit.stopped import run_until_stopped
from numbann.runner import Line
from numbann.training.callbacks import Callback, EpochEnded, FromModel


def train_beside(
    engine: Engine, job: Job, state: State, line: Line, tell: Callback, until: int | None = None
) -> Iterator[float]:
    """Train from a state to the last epoch, or until one before it; yield how much of this is done.

    Stopped if the line says so.
    """
    last = until or job.epochs
    if state.epoch >= last:
        return
    for record in run_until_stopped(engine, job, job.rates(), state, tell, line.stop):
        if record is not None:  # else its numbers were looked at in the midst of a long epoch
            tell(EpochEnded(record, state.best.epoch == state.epoch))
        if state.epoch == last:
            return
        yield state.epoch / last


def passing_on(line: Line, number: int) -> Callback:
    """Return what passes the events of a model on, with its number."""
    return lambda event: line.tell(FromModel(number, event))  # type: ignore[arg-type]


def told(error: BaseException) -> str:
    """Return an error as a line."""
    text = " ".join(str(error).split())
    return text if isinstance(error, NumbannError) else f"{type(error).__name__}: {text}"
