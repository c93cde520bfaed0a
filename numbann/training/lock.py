"""A lock on a run directory, which keeps two processes from writing the same run.

The system releases it when the process ends, even if it is killed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from numbann.errors import RunDirectoryError

NAME = ".lock"


@contextmanager
def lock(directory: Path) -> Iterator[None]:
    """Lock the directory; RunDirectoryError if another process holds the lock."""
    handle = os.open(directory / NAME, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _take(handle)
    except OSError:
        os.close(handle)
        raise RunDirectoryError(
            f"{directory}: another process is training this run; wait for it, or choose another directory"
        ) from None
    try:
        yield
    finally:
        os.close(handle)
        (directory / NAME).unlink(missing_ok=True)


def _take(handle: int) -> None:
    """Lock an open file without waiting, or raise OSError."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
