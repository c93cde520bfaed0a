"""A team of threads that run one compiled call together.

In a brief call the main thread is one of them.  In a long one it only waits, so that it can be interrupted.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import weakref
from collections.abc import Callable
from ctypes import CFUNCTYPE, c_int64, c_ssize_t, c_void_p
from queue import SimpleQueue
from time import perf_counter

import numpy as np

from numbann.engine.cpu import box_words
from numbann.engine.cpu.wanted import want
from numbann.engine.shared.alignment import aligned
from numbann.simd.objects import Module
from numbann.simd.system import current_cpu, yield_address

DRIVER, WORKER = Module("numbann.engine.cpu.driver"), Module("numbann.engine.cpu.worker")
INTERVAL = 0.1  # seconds between two ticks
IN_A_ROW = 1e-3  # calls at most this many seconds apart are worth waking threads for


_TEAMS: weakref.WeakSet[Team] = weakref.WeakSet()


class Team:
    """Up to `size` threads, started when they are first needed and parked between calls.

    lock: for those whose calls may come from several Python threads.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._kernels = [want(kernel) for kernel in (DRIVER.drive, WORKER.serve, WORKER.engage)]
        self._boxes = aligned((size, box_words.BOX), "int64")
        self._boxes[:, box_words.YIELD] = yield_address()
        self._place = self._boxes.ctypes.data
        self._attempted = 0.0
        self.lock = threading.Lock()
        self._queues: dict[int, SimpleQueue[int | None]] = {}
        self._reset()
        _TEAMS.add(self)
        weakref.finalize(self, _end, self._boxes, self._queues)  # also when a model is dropped without a word

    @functools.cached_property
    def _serve(self) -> Callable[[int, int], int]:
        """The life of a thread in compiled code."""
        return CFUNCTYPE(c_int64, c_void_p, c_ssize_t)(int(self._kernels[1]))

    @functools.cached_property
    def _engage(self) -> Callable[[int, int, int, int, int], int]:
        """How threads get a call; the first one asks for what others may have compiled meanwhile."""
        self._boxes[:, box_words.DRIVER] = int(self._kernels[0])
        return CFUNCTYPE(c_int64, c_void_p, *[c_ssize_t] * 4)(int(self._kernels[2]))

    def run_briefly(self, count: int, call: int) -> None:
        """Run the call at an address on `count` threads, this one among them.  An interrupt comes out after it."""
        while not self._engage(self._place, 1, count, call, box_words.PATIENCE):
            self._wake(1, count)

    def run_if_ready(self, count: int, call: int) -> bool:
        """Run the call as `run_briefly` does if all threads are awake; else wake them, if calls come in a row."""
        if self._engage(self._place, 1, count, call, 1):
            return True
        before, self._attempted = self._attempted, perf_counter()
        if self._attempted - before < IN_A_ROW:
            self._wake(1, count)
        return False

    def run(self, count: int, call: int, stop: Callable[[], None], tick: Callable[[], None]) -> None:
        """Run the call at an address on `count` threads and wait; call tick() every INTERVAL.

        An exception that arrives while waiting, such as KeyboardInterrupt, calls stop() and comes out when the threads
        end.
        """
        try:
            while not self._engage(self._place, 0, count, call, box_words.PATIENCE):
                self._wake(0, count)
            while self._busy(count):
                if not self._reports.acquire(timeout=INTERVAL):
                    tick()
        except BaseException:
            stop()
            while self._busy(count):
                self._reports.acquire(timeout=INTERVAL)
            raise

    def close(self) -> None:
        """End the threads."""
        _end(self._boxes, self._queues)
        self._reset()

    def _busy(self, count: int) -> bool:
        """Whether a thread is still running a call that it will report."""
        return bool((self._boxes[:count, box_words.STATE] == box_words.CALLED).any())

    def begin_after_fork(self) -> None:
        """Begin in a forked process, which has none of its parent's threads, though one of them may hold the lock."""
        self.lock = threading.Lock()
        self._boxes[:, box_words.STATE] = box_words.PARKED
        self._reset()

    def _reset(self) -> None:
        """Begin without threads."""
        self._queues.clear()
        self._reports = threading.Semaphore(0)

    def _wake(self, first: int, count: int) -> None:
        """Start or wake the threads that are parked, each on another processor than this one's."""
        here = current_cpu()
        for thread in range(first, count):
            if self._boxes[thread, box_words.STATE] != box_words.PARKED:
                continue
            self._boxes[thread, box_words.CLOSING] = 0
            self._boxes[thread, box_words.STATE] = box_words.WAKING
            if thread not in self._queues:
                queue = self._queues[thread] = SimpleQueue()
                work = (self._serve, self._boxes[thread], thread, queue, self._reports)
                threading.Thread(target=_live, args=work, daemon=True, name=f"numbann-{thread}").start()
            self._queues[thread].put(here)


def _live(
    serve: Callable[[int, int], int],
    box: np.ndarray,
    thread: int,
    queue: SimpleQueue[int | None],
    reports: threading.Semaphore,
) -> None:
    """The life of a thread: serve when woken, report, park.  It does not know its team, which may be dropped."""
    while (near := queue.get()) is not None:
        _spread(thread, near)
        if serve(box.ctypes.data, thread):
            reports.release()


def _end(boxes: np.ndarray, queues: dict[int, SimpleQueue[int | None]]) -> None:
    """Tell threads to park at once and to end."""
    boxes[:, box_words.CLOSING] = 1
    for queue in queues.values():
        queue.put(None)


def _spread(thread: int, near: int) -> None:
    """Move this thread to a processor of its own, counted from `near`; then let the system move it as it likes."""
    if not hasattr(os, "sched_setaffinity"):
        return
    with contextlib.suppress(OSError):
        allowed = sorted(os.sched_getaffinity(0))
        first = allowed.index(near) if near in allowed else 0
        os.sched_setaffinity(0, {allowed[(first + thread) % len(allowed)]})
        os.sched_setaffinity(0, allowed)


def _begin_after_fork() -> None:
    """Begin anew with every team of a forked process."""
    for team in _TEAMS:
        team.begin_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_after_fork)
