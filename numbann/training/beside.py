"""Trains one of several models whose course nobody keeps on disk; it ends early when nobody waits for it any more."""

from __future__ import annotations

from numbann.engine.interface import Engine
from numbann.errors import NumbannError
from numbann.fit.job import Job
from numbann.fit.loop import run_epochs
from numbann.fit.pause import Pause
from numbann.fit.state import State
from numbann.runner import Line
from numbann.training.callbacks import Callback, EpochEnded


class Stopped(Exception):
    """Ends a model that nobody waits for."""


class _UntilStopped(Pause):
    """Stops when the line says so."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def due(self) -> bool:
        return self._line.stop.is_set()


def train_beside(engine: Engine, job: Job, state: State, line: Line, tell: Callback, until: int | None = None) -> None:
    """Train from a state to the last epoch, or until one before it; Stopped if the line says so."""
    if until is not None and state.epoch >= until:
        return
    for record in run_epochs(engine, job, job.rates(), state, tell, pause=_UntilStopped(line)):
        if line.stop.is_set():
            raise Stopped
        if record is None:  # its numbers were looked at in the midst of a long epoch
            continue
        tell(EpochEnded(record, state.best.epoch == state.epoch))
        if state.epoch == until:
            return


def told(error: BaseException) -> str:
    """Return an error as a line."""
    text = " ".join(str(error).split())
    return text if isinstance(error, NumbannError) else f"{type(error).__name__}: {text}"
