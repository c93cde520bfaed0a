"""The line between who asks for jobs and the threads that do them: events go one way, the word to stop the other."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any

from numbann.runner.turns import Turns


class Line:
    """Events of jobs, to be heard by the thread that asked for them; `stop` asks the jobs to end.

    turns: lets some of them work at a time.  Pickled, as on its way to another process, it becomes one that nobody
    hears.
    """

    def __init__(self, most: int = 1) -> None:
        self.stop = Event()
        self.turns = Turns(most, self.stop)
        self._told: SimpleQueue[Any] = SimpleQueue()

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

    def tell(self, event: Any) -> None:
        """Drop an event."""
