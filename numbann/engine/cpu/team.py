"""A team of threads that run one compiled call together, while the main thread only waits and so can be interrupted."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

Work = Callable[[int], None]
QUOTA = Path("/sys/fs/cgroup/cpu.max")
INTERVAL = 0.1  # seconds between two ticks


def available_cpus() -> int:
    """Processors that this process may use: its affinity, and its control group's quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = QUOTA.read_text().split()
        count = min(count, max(1, int(quota) // int(period)))
    return count


class Team:
    """Threads parked between calls, each on a processor of its own when it starts."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._process = 0
        self._queues: list[SimpleQueue[Work | None]] = []
        self._finished = threading.Semaphore(0)

    def run(self, count: int, work: Work, stop: Callable[[], None], tick: Callable[[], None]) -> None:
        """Run work(thread) on the first `count` threads and wait; tick() every INTERVAL.

        An exception that arrives while waiting, such as KeyboardInterrupt, calls stop() and comes out after them.
        """
        self._start()
        for queue in self._queues[:count]:
            queue.put(work)
        waiting = count
        try:
            while waiting:
                if self._finished.acquire(timeout=INTERVAL):
                    waiting -= 1
                else:
                    tick()
        except BaseException:
            stop()
            for _ in range(waiting):
                self._finished.acquire()
            raise

    def close(self) -> None:
        """Let the threads end."""
        for queue in self._queues:
            queue.put(None)
        self._queues = []

    def _start(self) -> None:
        """Start the threads, also in a process that was forked from the one that had them."""
        if self._queues and self._process == os.getpid():
            return
        self._process = os.getpid()
        self._finished = threading.Semaphore(0)
        self._queues = [SimpleQueue() for _ in range(self.size)]
        for thread, queue in enumerate(self._queues):
            threading.Thread(target=self._serve, args=(thread, queue), daemon=True, name=f"numbann-{thread}").start()

    def _serve(self, thread: int, queue: SimpleQueue[Work | None]) -> None:
        """A thread's life: take work, do it, say so."""
        _spread(thread)
        finished = self._finished
        while (work := queue.get()) is not None:
            work(thread)
            finished.release()


def _spread(thread: int) -> None:
    """Move this thread to a processor of its own, then let the system move it as it likes."""
    if not hasattr(os, "sched_setaffinity"):
        return
    with contextlib.suppress(OSError):
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {sorted(allowed)[thread % len(allowed)]})
        os.sched_setaffinity(0, allowed)
