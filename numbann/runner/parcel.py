"""A parcel: the work of many jobs, which each process is sent once and unpacks once, however many of them it does."""

from __future__ import annotations

import pickle
import secrets
from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from numbann.turns import result_of

Work = Callable[[Any], Any]
KEPT: dict[str, Parcel] = {}  # those that this process was sent ahead of their jobs
STOPPED: set[str] = set()  # the names of those whose jobs nobody waits for any more
ALL = "*"  # in the place of a name: all jobs of this process
EARS: list[Callable[[], None]] = []  # what listens for further names, where nobody else in the process does
_AT_WORK: ContextVar[str] = ContextVar("_AT_WORK", default="")  # the name of the one whose job this thread does


class Parcel:
    """A work as bytes.  name: its own, which no other has, not even one of the same work."""

    def __init__(self, content: bytes) -> None:
        self.name, self.content = secrets.token_hex(16), content

    @classmethod
    def of(cls, work: Work) -> Parcel:
        """Pack a work."""
        return cls(pickle.dumps(work))

    def do(self, job: Any) -> Any:
        """Do a job in the process that the parcel was sent to."""
        token = _AT_WORK.set(self.name)
        try:
            return result_of(_unpack(self.content), job)
        finally:
            _AT_WORK.reset(token)


@lru_cache(maxsize=2)
def _unpack(content: bytes) -> Work:
    work: Work = pickle.loads(content)
    return work


def keep(parcel: Parcel) -> None:
    """Keep a parcel, whose jobs come with its name alone."""
    KEPT[parcel.name] = parcel


def drop(name: str) -> None:
    """Keep a parcel no more."""
    KEPT.pop(name, None)


def do_kept(name: str, job: Any) -> Any:
    """Do a job of a parcel that this process keeps."""
    return KEPT[name].do(job)


def stop(names: set[str]) -> None:
    """Ask the jobs of some parcels to end that run in this process."""
    STOPPED.update(names)


def stop_all() -> None:
    """Ask all jobs to end that run in this process."""
    STOPPED.add(ALL)


def is_stopped() -> bool:
    """Tell whether nobody waits for the job that this thread does."""
    for listen in EARS:
        listen()
    return _AT_WORK.get() in STOPPED or ALL in STOPPED
