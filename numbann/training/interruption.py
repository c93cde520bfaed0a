"""Ctrl-C and SIGTERM during a run: they come out between two steps, and never while files are written.

The handlers that were there before are called, so that whoever set them decides what a signal does; Python's own raises
KeyboardInterrupt.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

OPEN, STEPS, WHOLE = range(3)  # what runs: anything, steps of training, or what must not be left half done


class Interrupted(KeyboardInterrupt):
    """A run was interrupted.

    path: its directory; kept: what that holds, in words; complete: whether all is there; ranks: how many trained it.
    """

    def __init__(self, path: Path, exit_code: int, kept: str, *, complete: bool = False, ranks: int = 1) -> None:
        super().__init__(kept if complete else f"{kept}; resume with: numbann resume {path}")
        self.path, self.exit_code, self.kept, self.complete, self.ranks = path, exit_code, kept, complete, ranks


def find_interrupted(error: BaseException | None) -> Interrupted | None:
    """Return the end of a run among an error and those that it followed: a second signal comes while the first ends it.

    None if there is none.
    """
    while error is not None and not isinstance(error, Interrupted):
        error = error.__context__
    return error


@contextmanager
def untouched(path: Path) -> Iterator[None]:
    """While the run in a directory is prepared to go on: a signal leaves it as it is, and says so."""
    try:
        yield
    except KeyboardInterrupt as error:
        code, kept = getattr(error, "exit_code", 130), f"nothing was written; the checkpoint in {path} is kept"
        raise Interrupted(path, code, kept) from error


class Interruptions:
    """Within `with`, the signals of the process.  In another thread than the main one none arrive.

    steps: a `with` around steps: the first signal waits for the end of a step, a second one comes out at once.
    whole: a `with` around changes of files or the state: signals wait until that is done.
    waiting: the signal that arrived and has not ended the run yet.
    """

    def __init__(self) -> None:
        self.steps, self.whole = _Level(self, STEPS), _Level(self, WHOLE)
        self.waiting: int | None = None
        self._level, self._delivered, self._over = OPEN, False, False
        self._handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def __enter__(self) -> Interruptions:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                handler = signal.getsignal(number)
                if callable(handler):
                    self._handlers[number] = handler
                    signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def end(self) -> None:
        """The run is over and only saves what it has: no signal comes out any more."""
        self._over = True

    def _receive(self, number: int, frame: FrameType | None) -> None:
        """Take a signal: keep it, or hand it on.  After one that was handed on, all wait: the run is being saved."""
        kept = self._over or self._delivered or self._level == WHOLE
        if kept or (self._level == STEPS and self.waiting is None):
            self.waiting = number
        else:
            self._deliver(number, frame)

    def release(self) -> None:
        """Hand on a signal that waits; again, if the exception that it raised was swallowed on its way."""
        if self.waiting is not None and self._level == OPEN and not self._over:
            self._deliver(self.waiting, None)

    def _deliver(self, number: int, frame: FrameType | None) -> None:
        self.waiting, self._delivered = number, True
        self._handlers[number](number, frame)
        self.waiting, self._delivered = None, False  # the handler raised nothing: the run goes on


class _Level:
    """A `with` that sets what runs, also within itself; signals that waited come out when it ends well."""

    def __init__(self, owner: Interruptions, level: int) -> None:
        self._owner, self._level = owner, level
        self._before: list[int] = []

    def __enter__(self) -> None:
        self._before.append(self._owner._level)
        self._owner._level = self._level

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._owner._level = self._before.pop()
        if kind is None and self._owner.waiting is not None:
            self._owner.release()
