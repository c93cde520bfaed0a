"""The line between who asks for jobs and the threads that do them: events go one way, the word to stop the other."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any

from numbann.runner.parcel import is_stopped


class Line:
    """Events of jobs, to be heard by the thread that asked for them; `stop` asks the jobs to end.

    Pickled, as on its way to another process, it becomes one that nobody hears, and that knows from the parcel whether
    to stop.
    """

    def __init__(self) -> None:
        self.stop = self._new_stop()
        self._told: SimpleQueue[Any] = SimpleQueue()

    def _new_stop(self) -> Event:
        return Event()

    def tell(self, event: Any) -> None:
        """Send an event; any thread may."""
        self._told.put(event)

    def heard(self) -> Iterator[Any]:
        """Yield the events that have come since the last call, in their order."""
        while True:
            try:
                yield self._told.get_nowait()
            except Empty:
                return

    def __reduce__(self) -> tuple[type[Line], tuple[()]]:
        return _Silent, ()


class _Silent(Line):
    """A line to nobody."""

    def _new_stop(self) -> Event:
        return _Stop()

    def tell(self, event: Any) -> None:
        """Drop an event."""


class _Stop(Event):
    """Set when nobody waits for the job that asks."""

    def is_set(self) -> bool:
        return super().is_set() or is_stopped()
