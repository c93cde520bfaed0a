"""Measures the available memory, and decides whether inputs are kept in it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from numbann.errors import DataError
from numbann.limits import limits

SYSTEM = Path("/proc/meminfo")
UNKNOWN = 1 << 32  # bytes to assume where the system does not report them
SMALL = 1 << 17  # bytes that are not worth asking for
SHARE = 0.25  # the share of the available memory that the inputs of all parts may take


def available() -> int:
    """Return the bytes of available memory, within the limits of the control groups."""
    found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else UNKNOWN
    with contextlib.suppress(OSError, ValueError):
        line = SYSTEM.read_text().partition("MemAvailable:")[2]
        found = 1024 * int(line.split(maxsplit=1)[0]) if line else found
    for words in limits("memory.max"):
        with contextlib.suppress(ValueError):  # of "max", no limit
            found = min(found, *map(int, words))
    return found


def check_room(size: int, what: str, key: str | None = None, remedy: str = "take less") -> None:
    """Refuse what is larger than the available memory, in bytes, before it is allocated."""
    if size > SMALL and size > (free := available()):
        raise DataError(f"{what}: {size / 1e9:.4g} GB are needed, and {free / 1e9:.4g} GB are free; {remedy}", key=key)


def fits(size: int) -> bool:
    """Tell whether inputs of this size, in bytes, are kept in memory."""
    return size <= SHARE * available()
