"""Clusters on this machine: a scheduler of Dask with its workers, and programs that MPI starts."""

from __future__ import annotations

import functools
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
def start_ranks() -> Callable[..., subprocess.Popen[str]]:
    """Start a Python program with some ranks: start_ranks(2, "-m", "numbann_cli.main", ...)."""
    pytest.importorskip("mpi4py")
    beside = Path(sys.executable).with_name("mpiexec")
    mpiexec = str(beside) if beside.exists() else shutil.which("mpiexec")
    if mpiexec is None:
        pytest.skip("there is no mpiexec")

    def start(count: int, *arguments: object) -> subprocess.Popen[str]:
        command = [mpiexec, "-n", str(count), sys.executable, *map(str, arguments)]
        own, pipe = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, FOLDERS))}, subprocess.PIPE
        return subprocess.Popen(command, env=own, stdout=pipe, stderr=pipe, text=True)

    return start


@pytest.fixture
def run_ranks(start_ranks: Callable[..., subprocess.Popen[str]]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a Python program with some ranks to its end."""

    def run(count: int, *arguments: object) -> subprocess.CompletedProcess[str]:
        with start_ranks(count, *arguments) as process:
            try:
                out, errors = process.communicate(timeout=120)
            except BaseException:
                process.terminate()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, errors)

    return run


@pytest.fixture
def mpi(run_ranks: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a Python program that gives jobs to 3 ranks: mpi("-m", "numbann_cli.main", ...)."""
    return functools.partial(run_ranks, 3, "-m", "mpi4py.futures")
