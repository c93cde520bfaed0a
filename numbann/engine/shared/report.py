"""The report of an epoch's progress, from any device: at most one in a while, between two steps."""

from __future__ import annotations

from time import perf_counter

from numbann.engine.interface import Progress

SECONDS = 0.05  # between two reports


class Report:
    """Tells a progress function how many of an epoch's steps are done.  An exception of the function comes out."""

    def __init__(self, progress: Progress | None, steps: int) -> None:
        self._progress, self._steps, self._told = progress, steps, perf_counter()

    def __call__(self, done: int) -> None:
        """Tell it, unless it was told a moment ago."""
        if self._progress is not None and perf_counter() - self._told >= SECONDS:
            self._progress(done, self._steps)
            self._told = perf_counter()
