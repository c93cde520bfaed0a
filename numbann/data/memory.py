"""Measures the available memory, and decides whether inputs are kept in it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from numbann.errors import DataError

SYSTEM, LIMIT = Path("/proc/meminfo"), Path("/sys/fs/cgroup/memory.max")
UNKNOWN = 1 << 32  # bytes to assume where the system does not report them
SHARE = 0.25  # the share of the available memory that the inputs of all parts may take


def available() -> int:
    """Return the bytes of available memory, within the limit of the control group."""
    found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else UNKNOWN
    with contextlib.suppress(OSError, ValueError):
        line = SYSTEM.read_text().partition("MemAvailable:")[2]
        found = 1024 * int(line.split(maxsplit=1)[0]) if line else found
    with contextlib.suppress(OSError, ValueError):
        found = min(found, int(LIMIT.read_text()))
    return found


def check_room(size: int, what: str, key: str | None = None, remedy: str = "take less") -> None:
    """Refuse what is larger than the available memory, in bytes, before it is allocated."""
    if size > (free := available()):
        raise DataError(f"{what}: {size / 1e9:.4g} GB are needed, and {free / 1e9:.4g} GB are free; {remedy}", key=key)


def fits(size: int) -> bool:
    """Tell whether inputs of this size, in bytes, are kept in memory."""
    return size <= SHARE * available()
