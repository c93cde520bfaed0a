"""Runs in Trackio, which keeps them on this machine: `trackio show` opens them."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import trackio

from numbann.training.callbacks import Finished, Started
from numbann.training.trackers.tracker import Tracker, Values, flat, measures


class Trackio(Tracker):
    """Writes a run in Trackio.  name: by default that of the run directory."""

    name = "trackio"

    def __init__(self, project: str = "numbann", name: str | None = None) -> None:
        super().__init__()
        self._project, self._title = project, name
        self._run: Any = None

    def open(self, event: Started, path: Path, known: str | None) -> str:
        called = known or self._title or path.resolve().name
        with redirect_stdout(sys.stderr):  # which is for people, where stdout is JSON
            self._run = trackio.init(
                self._project, called, config=flat(event.spec), resume="must" if known else "never"
            )
        return str(self._run.name)

    def last(self, prefix: str) -> int:
        there = getattr(self._run, "_next_step", 0) - 1  # the last step that Trackio has
        return super().last(prefix) if prefix else max(super().last(prefix), there)

    def log(self, prefix: str, epoch: int, values: Values) -> None:
        self._run.log({f"{prefix}{name}": value for name, value in values.items()}, step=epoch)

    def finish(self, event: Finished) -> None:
        self._run.log(measures(event.metrics), step=event.weights_epoch)
        self.fail(interrupted=False)

    def fail(self, *, interrupted: bool) -> None:
        with redirect_stdout(sys.stderr):
            self._run.finish()
