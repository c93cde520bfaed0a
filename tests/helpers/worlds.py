"""Ranks as threads of one process, with what is asked of MPI."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

import numpy as np

Result = TypeVar("Result")


class World:
    """One of several ranks.  shared: what each rank sends."""

    def __init__(self, rank: int, barrier: Barrier, shared: list[Any]) -> None:
        self._rank, self._barrier, self._shared = rank, barrier, shared

    def Get_rank(self) -> int:
        """As of MPI."""
        return self._rank

    def Get_size(self) -> int:
        """As of MPI."""
        return len(self._shared)

    def Alltoall(self, sent: np.ndarray, got: np.ndarray) -> None:
        """As of MPI."""
        for rank, one in enumerate(self._all(sent)):
            got[rank] = one[self._rank]
        self._barrier.wait()

    def Allgather(self, sent: np.ndarray, got: np.ndarray) -> None:
        """As of MPI."""
        got.reshape(len(self._shared), -1)[:] = [one.ravel() for one in self._all(sent)]
        self._barrier.wait()

    def Allreduce(self, sent: np.ndarray, got: np.ndarray) -> None:
        """As of MPI."""
        got[:] = np.sum(self._all(sent), 0)
        self._barrier.wait()

    def _all(self, sent: np.ndarray) -> list[np.ndarray]:
        """What all ranks send; they may change it after the next barrier."""
        self._shared[self._rank] = sent
        self._barrier.wait()
        return self._shared


def on_ranks(count: int, work: Callable[[World], Result]) -> Sequence[Result]:
    """The results of work on so many ranks."""
    barrier, shared = Barrier(count), [None] * count

    def one(rank: int) -> Result:
        try:
            return work(World(rank, barrier, shared))
        except BaseException:
            barrier.abort()
            raise

    with ThreadPoolExecutor(count) as pool:
        return [*pool.map(one, range(count))]
