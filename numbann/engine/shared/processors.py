"""The number of processors that this process may use."""

from __future__ import annotations

import contextlib
import os

from numbann.limits import limits


def available_cpus() -> int:
    """The processors that this process may use: its affinity, limited by the quotas of its control groups."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for words in limits("cpu.max"):
        with contextlib.suppress(ValueError):  # of "max", no limit
            quota, period = map(int, words)
            count = min(count, max(1, quota // period))
    return count
