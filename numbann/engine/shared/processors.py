"""The number of processors that this process may use."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")


def available_cpus() -> int:
    """The processors that this process may use: its affinity, limited by its control group's quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = QUOTA.read_text().split()
        count = min(count, max(1, int(quota) // int(period)))
    return count
