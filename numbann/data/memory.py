"""How much memory there is, and whether inputs are kept in it.  It allocates nothing."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

SYSTEM, LIMIT = Path("/proc/meminfo"), Path("/sys/fs/cgroup/memory.max")
UNKNOWN = 1 << 32  # bytes, where the system does not tell
SHARE = 0.25  # of the memory available, that the inputs of all parts may take


def available() -> int:
    """Bytes that can still be taken, within the limit of the control group."""
    found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else UNKNOWN
    with contextlib.suppress(OSError, ValueError):
        line = SYSTEM.read_text().partition("MemAvailable:")[2]
        found = 1024 * int(line.split(maxsplit=1)[0]) if line else found
    with contextlib.suppress(OSError, ValueError):
        found = min(found, int(LIMIT.read_text()))
    return found


def fits(size: int) -> bool:
    """Whether so many bytes of inputs are best kept in memory."""
    return size <= SHARE * available()
