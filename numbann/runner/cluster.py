"""What all clusters are: Executors that send a work once, and that end what nobody waits for."""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import Executor


class Cluster(Executor):
    """An Executor over several machines.  A work is sent once to each process, its jobs one by one.

    The Future of a job whose worker is lost raises BrokenExecutor, and LostClusterError where all are.
    """

    @abstractmethod
    def abandon(self) -> None:
        """End all jobs that were asked for: nobody waits for them any more."""

    @abstractmethod
    def release(self) -> None:
        """Forget the works that were sent; their jobs have ended."""
