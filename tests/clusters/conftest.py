"""Clusters on this machine: a scheduler of Dask with its workers, and programs that MPI starts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numbann_cli
import pytest

import numbann

HELPERS = Path(__file__).parents[1] / "helpers"
FOLDERS = (Path(numbann.__file__).parents[1], Path(numbann_cli.__file__).parents[1], HELPERS)
PATIENCE = 60  # seconds to wait for a process that starts on a busy machine


class Workplace:
    """A scheduler and its workers, each a process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        told = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show", "--scheduler-file", str(file))
        self.scheduler = self._start("scheduler", *told)
        end = time.monotonic() + PATIENCE
        while not (file.is_file() and file.stat().st_size) and time.monotonic() < end:
            time.sleep(0.05)
        self.address: str = json.loads(file.read_text())["address"]

    def hire(self, count: int, *first: Path) -> None:
        """Start workers, and wait until they are there.  first: where they look for modules before anywhere else."""
        for _ in range(count):
            more = ("--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory", str(self.folder))
            self.workers.append(self._start("worker", self.address, *more, first=first))
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(len(self.workers), timeout=PATIENCE)

    def _start(self, what: str, *arguments: str, first: tuple[Path, ...] = ()) -> subprocess.Popen[bytes]:
        path = os.pathsep.join(map(str, (*first, *FOLDERS)))
        # the first death of a worker is told at once
        own = {"PYTHONPATH": path, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments]
        with (self.folder / f"{what}.log").open("ab") as log:
            return subprocess.Popen(command, stderr=log, stdout=log, env={**os.environ, **own})

    def close(self) -> None:
        """End all processes."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@contextmanager
def workplace(folder: Path) -> Iterator[Workplace]:
    """A scheduler without workers."""
    pytest.importorskip("distributed")
    made = Workplace(folder)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with two workers, which no test harms."""
    with workplace(tmp_path_factory.mktemp("dask")) as made:
        made.hire(2)
        yield made.address


@pytest.fixture
def own_dask(tmp_path: Path) -> Iterator[Workplace]:
    """A scheduler of the test's own, without workers."""
    folder = tmp_path / "dask"
    folder.mkdir()
    with workplace(folder) as made:
        yield made


@pytest.fixture
def mpi() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a Python program with 3 ranks: mpi("-m", "numbann_cli.main", ...)."""
    pytest.importorskip("mpi4py")
    beside = Path(sys.executable).with_name("mpiexec")
    start = str(beside) if beside.exists() else shutil.which("mpiexec")
    if start is None:
        pytest.skip("there is no mpiexec")

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [start, "-n", "3", sys.executable, "-m", "mpi4py.futures", *map(str, arguments)]
        path = os.pathsep.join(map(str, FOLDERS))
        return subprocess.run(
            command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=120
        )

    return run
