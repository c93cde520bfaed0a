"""A lock on a run directory, which keeps two processes from writing the same run.

The system releases it when the process ends, even if it is killed.  The file of a process that was killed stays; the
next one locks it.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from numbann.errors import RunDirectoryError

NAME = ".lock"


@contextmanager
def lock(directory: Path) -> Iterator[None]:
    """Lock the directory; RunDirectoryError if another process holds the lock."""
    path = directory / NAME
    try:
        handle = _open(path)
    except BlockingIOError:
        raise RunDirectoryError(
            f"{directory}: another process is training this run{_owner(path)}; wait for it, or choose another directory"
        ) from None
    except OSError as error:
        raise RunDirectoryError(f"{path}: cannot be locked: {error.strerror}") from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # before it is released: another process may lock a file of that name next
            path.unlink(missing_ok=True)
        os.close(handle)


def find_owner(directory: Path) -> str | None:
    """Name the process that holds the lock of a directory, in words that may be empty; None if there is none."""
    path = directory / NAME
    if path.is_symlink() or not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            take(file.fileno())
    except BlockingIOError:
        return _owner(path)
    except OSError:
        return None
    return None


def _open(path: Path) -> int:
    """Open the file and lock it; again if it was removed in between, for then another process can lock a new one."""
    while True:
        handle = _open_own(path)
        try:
            take(handle)
            if sys.platform == "win32" or _is_at(handle, path):
                _sign(handle)
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _open_own(path: Path) -> int:
    """Open the file, which is written: never one that lies elsewhere, too, to which whoever made the run may point."""
    if path.is_symlink():
        raise _no_lock(path)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
    found = os.fstat(handle)
    if stat.S_ISREG(found.st_mode) and found.st_nlink <= 1:
        return handle
    os.close(handle)
    raise _no_lock(path)


def _no_lock(path: Path) -> RunDirectoryError:
    return RunDirectoryError(f"{path}: is a link, or no file, where numbann writes its lock; look at it, and remove it")


def _sign(handle: int) -> None:
    """Write this process's number into the file, if the disk has room for it."""
    with contextlib.suppress(OSError):
        os.truncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())


def _is_at(handle: int, path: Path) -> bool:
    """Whether a path names the file that is open."""
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except FileNotFoundError:
        return False


def take(handle: int) -> None:
    """Lock an open file without waiting; BlockingIOError if another process has it."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _owner(path: Path) -> str:
    """The number of the process that holds the lock, if the file has it already."""
    try:
        number = path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
    return f" (it is {number})" if number.isdigit() else ""
