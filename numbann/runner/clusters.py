"""Turns what a person says of where jobs run into an Executor: an address of Dask, `mpi`, or an Executor itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager

from numbann.errors import ClusterError, shown
from numbann.runner.cluster import Cluster
from numbann.runner.pools import PROCESSES, THREADS

MPI = "mpi"
ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d+)")
CLUSTERS = 'the address of a scheduler of Dask (tcp://HOST:8786), or "mpi"'


def names_cluster(text: str) -> bool:
    """Tell whether a text names a cluster; nothing is looked up."""
    found = ADDRESS.fullmatch(text)
    return text == MPI or bool(found and 0 < int(found[3]) < 65536)


@contextmanager
def connected(executor: Executor | str) -> Iterator[Executor | str]:
    """Yield where jobs run: "threads" and "processes" as they are, and what a text means as an Executor.

    ClusterError, within seconds, for a cluster that cannot be used.
    """
    if not isinstance(executor, str):
        yield _over_dask(executor) if type(executor).__module__.startswith("distributed.") else executor
    elif executor in (THREADS, PROCESSES):
        yield executor
    elif names_cluster(executor):
        with _connected_mpi() if executor == MPI else _connected_dask(executor) as cluster:
            yield cluster
    else:
        what = f'give "{THREADS}", "{PROCESSES}", {CLUSTERS}, or a concurrent.futures.Executor'
        raise ClusterError(f"executor is {shown(executor)}; {what}")


def _connected_mpi() -> AbstractContextManager[Cluster]:
    from numbann.runner import mpi

    return mpi.connect()


def _connected_dask(address: str) -> AbstractContextManager[Cluster]:
    try:
        from numbann.runner import dask
    except ImportError:
        raise ClusterError(f'{address}: needs Dask, which is not installed: pip install "numbann[cluster]"') from None
    return dask.connect(address)


def _over_dask(executor: Executor) -> Cluster:
    """Return what an Executor of Dask's own stands for, so that it, too, sends a work once."""
    from numbann.runner import dask

    return dask.over(executor._client)  # type: ignore[attr-defined]
