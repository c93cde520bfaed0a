"""The workers of a scheduler of Dask as an Executor."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager
from functools import partial
from typing import Any

from distributed import Client, KilledWorker, WorkerPlugin
from distributed.security import Security

from numbann.errors import ClusterError, ClusterWarning, LostClusterError, NumbannError, warn
from numbann.runner.cluster import Cluster
from numbann.runner.parcel import Parcel, Work, do_kept, drop, keep, stop
from numbann.runner.versions import PACKAGES, check_versions, versions

PATIENCE = 5  # seconds to wait for a scheduler
CLOSING = 2  # seconds to wait for it at the end


class Dask(Cluster):
    """The workers that a client of Dask knows.

    Dask itself tries the job of a lost worker again, on up to four workers.
    """

    def __init__(self, client: Any) -> None:
        self._client, self._executor = client, client.get_executor(pure=False)
        self._address = client.scheduler.address
        self._sent: dict[int, tuple[Work, str]] = {}  # by the work's id: the work, and the name of its parcel
        self._running: set[Future[Any]] = set()

    def submit(self, work: Work, /, job: Any) -> Future[Any]:  # type: ignore[override]
        """Ask for a job."""
        if self._client.status != "running":
            raise self._lost()
        asked, given = self._executor.submit(do_kept, self._parcel(work), job), Future[Any]()
        self._running.add(asked)
        asked.add_done_callback(partial(self._answer, given))
        given.add_done_callback(lambda given: given.cancelled() and asked.cancel())
        return given

    def abandon(self) -> None:
        """End the jobs: those that run end themselves within a second, as an epoch does."""
        names = {name for _, name in self._sent.values()}
        for asked in list(self._running):
            asked.cancel()
        if names and self._client.status == "running":
            with contextlib.suppress(Exception):  # of a worker that is lost
                self._client.run(stop, names, on_error="ignore")

    def release(self) -> None:
        """Forget the works, and end the jobs that run though they were cancelled."""
        if self._running:
            self.abandon()
        for _, name in self._sent.values():
            if self._client.status == "running":
                self._client.unregister_worker_plugin(name)
        self._sent.clear()

    def _parcel(self, work: Work) -> str:
        """Send a work to all workers, also to those that are yet to come; return its parcel's name."""
        if id(work) not in self._sent:
            parcel = Parcel.of(work)
            self._client.register_plugin(_Keeper(parcel), name=parcel.name)
            self._sent[id(work)] = work, parcel.name
        return self._sent[id(work)][1]

    def _answer(self, given: Future[Any], asked: Future[Any]) -> None:
        """Pass a result on; cancelled jobs and KilledWorker become what other Executors say of lost workers."""
        self._running.discard(asked)
        if not given.set_running_or_notify_cancel():
            return
        error: BaseException | None
        if asked.cancelled():
            running = self._client.status == "running"
            error = BrokenExecutor(f"{self._address}: has cancelled the job") if running else self._lost()
        elif isinstance(error := asked.exception(), KilledWorker):
            error = BrokenExecutor(f"{self._address}: all workers that were given the job were lost with it")
        if error is None:
            given.set_result(asked.result())
        else:
            given.set_exception(error)

    def _lost(self) -> NumbannError:
        return LostClusterError(f"{self._address}: the scheduler was lost; start it again, or see its log")


class _Keeper(WorkerPlugin):  # type: ignore[misc,unused-ignore]
    """Keeps a parcel in a worker."""

    def __init__(self, parcel: Parcel) -> None:
        self._parcel = parcel

    def setup(self, worker: Any) -> None:
        """Begin."""
        keep(self._parcel)

    def teardown(self, worker: Any) -> None:
        """End."""
        drop(self._parcel.name)


@contextmanager
def connect(address: str) -> Iterator[Dask]:
    """Connect to a scheduler; ClusterError, within seconds, if that fails or other versions run there."""
    client = _client(address)
    with _quiet():
        try:
            yield over(client)
        finally:
            client.close(timeout=CLOSING)


def _client(address: str) -> Any:
    try:
        knock(address)  # a client would wait on and on
        security = Security()  # as Dask's own settings say
        if address.startswith("tls") and security.get_connection_args("client")["ssl_context"] is None:
            raise ClusterError(f"{address}: Dask knows no certificate; name it in distributed.comm.tls of its settings")
        return Client(address, timeout=PATIENCE, set_as_default=False, security=security)
    except (OSError, ValueError) as error:
        found, what = " ".join(str(error).split()), "is it started (dask scheduler), and can this machine reach it?"
        raise ClusterError(f"{address}: no scheduler of Dask answers ({found}); {what}") from None


def knock(address: str) -> None:
    """Raise OSError where nobody listens, or nobody speaks first, as a scheduler does."""
    scheme, _, place = address.partition("://")
    host, _, port = place.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), PATIENCE) as connection:
        if scheme == "tcp" and not connection.recv(1):
            raise OSError("it hangs up")


def over(client: Any) -> Dask:
    """Return the workers of a client that is connected; ClusterError if other versions run there."""
    _check(client, client.scheduler.address)
    return Dask(client)


def _check(client: Any, address: str) -> None:
    """Refuse a scheduler or workers of other versions; a warning if there are no workers yet."""
    found = client.get_versions(packages=list(PACKAGES))
    for place, one in {address: found["scheduler"], **found["workers"]}.items():
        packages = one["packages"]
        python = ".".join(packages["python"].split(".")[:2])
        check_versions({"Python": python, **{name: packages.get(name) for name in PACKAGES}}, versions(), place)
    if not found["workers"]:
        warn(f"{address}: the scheduler has no workers yet; jobs wait for them (dask worker {address})", ClusterWarning)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what Dask logs of a lost connection from the terminal, where one error says it."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
