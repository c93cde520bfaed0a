"""The ranks of a program that MPI has started, as an Executor."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from numbann.errors import ClusterError
from numbann.runner import parcel as parcels
from numbann.runner.cluster import Cluster
from numbann.runner.parcel import Parcel, Work, do_kept, keep

TAG = 1701  # of the messages that say which jobs end; mpi4py.futures has communicators of its own
START = "mpiexec -n 3 python -m mpi4py.futures -m numbann_cli.main ..."


class Mpi(Cluster):
    """The ranks from 1 on; this is rank 0."""

    def __init__(self) -> None:
        self._pools: dict[int, tuple[Work, str, Any]] = {}  # by the work's id: the work, its parcel's name, its pool

    def submit(self, work: Work, /, job: Any) -> Future[Any]:  # type: ignore[override]
        """Ask for a job."""
        from mpi4py.futures import MPIPoolExecutor

        if id(work) not in self._pools:
            parcel = Parcel.of(work)
            # all pools share the ranks, which need nothing of the program's main file
            pool = MPIPoolExecutor(initializer=_prepare, initargs=(parcel,), main=False)
            self._pools[id(work)] = work, parcel.name, pool
        _, name, pool = self._pools[id(work)]
        asked: Future[Any] = pool.submit(do_kept, name, job)
        return asked

    def abandon(self) -> None:
        """End the jobs: those that run end themselves."""
        from mpi4py import MPI

        world = MPI.COMM_WORLD
        for _, name, pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
            for rank in range(1, world.Get_size()):
                world.isend(name, rank, TAG)

    def release(self) -> None:
        """Forget the works."""
        for _, _, pool in self._pools.values():
            pool.shutdown(wait=True)
        self._pools.clear()


def _prepare(parcel: Parcel) -> None:
    """Keep a parcel in a rank, which listens for the end of its jobs while it does one."""
    keep(parcel)
    if _listen not in parcels.EARS:
        parcels.EARS.append(_listen)


def _listen() -> None:
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    while world.iprobe(0, TAG):
        parcels.stop({world.recv(None, 0, TAG)})


def library() -> Any:
    """Return MPI, as mpi4py has it; ClusterError if there is none."""
    try:
        from mpi4py import MPI
    except ImportError:
        raise ClusterError('mpi: needs mpi4py, which is not installed: pip install "numbann[mpi]"') from None
    except RuntimeError as error:
        what = "load that of your cluster, or: pip install mpich"
        raise ClusterError(f"mpi: no library of MPI is found ({error}); {what}") from None
    return MPI


@contextmanager
def connect() -> Iterator[Mpi]:
    """Take the ranks that this program was started with; ClusterError if it was started otherwise."""
    MPI = library()
    from mpi4py.futures import _core

    if getattr(_core, "SharedPool", None) is None or MPI.COMM_WORLD.Get_size() == 1:
        if MPI.COMM_WORLD.Get_rank() > 0:
            raise SystemExit(2)  # one rank says it
        raise ClusterError(f"mpi: this program has no ranks to give jobs to; start it so: {START}")
    yield Mpi()
