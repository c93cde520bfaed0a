"""What threads ask of the operating system: to give a processor away, and which one they run on."""

from __future__ import annotations

import ctypes
import sys


def yield_address() -> int:
    """The address of sched_yield, or of SwitchToThread on Windows."""
    function = ctypes.windll.kernel32.SwitchToThread if sys.platform == "win32" else ctypes.CDLL(None).sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def current_cpu() -> int:
    """The number of the processor that this thread runs on; -1 if the system does not tell."""
    try:
        return int(ctypes.CDLL(None).sched_getcpu())
    except (AttributeError, OSError, TypeError):
        return -1
