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
    """Raise Terminated in the main thread when SIGTERM arrives."""
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_: int, __: FrameType | None) -> NoReturn:
    raise Terminated
