"""Turns SIGTERM into an exception, so that a run saves its checkpoint before it ends, as after Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived."""

    exit_code = 143


@contextmanager
def terminable() -> Iterator[None]:
    """Raise Terminated in the main thread when SIGTERM arrives.  After it, or Ctrl-C, the process ends: ignore it.

    A process that ignores it goes on to do so.
    """
    if signal.getsignal(signal.SIGTERM) == signal.SIG_IGN:
        yield
        return
    after = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except KeyboardInterrupt:
        after = signal.SIG_IGN  # how the run ended is still to be said
        raise
    finally:
        signal.signal(signal.SIGTERM, after)


def ignore_from_now_on() -> None:
    """Ignore signals while the process ends, since its exit code is settled.

    Handlers of Python's would not do: the interpreter removes them before it ends, but leaves what is ignored.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _terminate(_: int, __: FrameType | None) -> NoReturn:
    raise Terminated
