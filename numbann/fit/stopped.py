"""Trainings that end in the midst of an epoch once nobody waits for them any more."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

from numbann.engine.interface import Engine
from numbann.fit.job import Job
from numbann.fit.loop import Tell, run_epochs
from numbann.fit.pause import Pause
from numbann.fit.rates import Rates
from numbann.fit.state import Record, State


class Stopped(Exception):
    """Ends a training that nobody waits for."""


class _UntilStopped(Pause):
    """Pauses once an event is set."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop

    def due(self) -> bool:
        return self._stop.is_set()


def run_until_stopped(
    engine: Engine, job: Job, rates: Rates, state: State, tell: Tell, stop: Event
) -> Iterator[Record | None]:
    """As `run_epochs`; Stopped once an event is set."""
    for record in run_epochs(engine, job, rates, state, tell, pause=_UntilStopped(stop)):
        if stop.is_set():
            raise Stopped
        yield record
