"""Makes numba-cuda's simulator quick, and right where several threads ask for a shared array at once."""

from __future__ import annotations

import sys
import threading
from typing import Any

from numba.cuda.simulator.kernelapi import FakeCUDAShared


class _Arrays(dict[Any, Any]):
    """Shared arrays by the lines that ask for them: while the first thread makes one, others wait."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def get(self, key: Any, default: Any = None) -> Any:
        self._lock.acquire()
        found = super().get(key, default)
        if found is not None:
            self._lock.release()
        return found

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        self._lock.release()


def prepare() -> None:
    """For all kernels that this process runs."""
    sys.setswitchinterval(1e-4)  # the simulator looks for its threads in a loop that would keep them waiting
    before = FakeCUDAShared.__init__

    def made(self: Any, size: int) -> None:
        before(self, size)
        self._allocations = _Arrays()

    FakeCUDAShared.__init__ = made
