"""Wrong words on clusters: exit code 2 and one message, within seconds, and nothing run or written."""

from __future__ import annotations

import importlib.util
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from click.testing import Result

from numbann import runner
from numbann.runner import clusters

Numbann = Callable[..., Result]
WriteSpec = Callable[..., Path]
SWEEP = {"parameters": {"model.layers[0].units": [2, 4]}}
NO_CLUSTER = 'names no cluster; give the address of a scheduler of Dask (tcp://HOST:8786), or "mpi"'
WITH_DASK = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="Dask is an extra")
QUICK = 15  # seconds, on a busy machine


def refused(numbann: Numbann, words: str, *arguments: object) -> None:
    begun = perf_counter()
    found = numbann(*arguments)
    assert found.exit_code == 2, found.output
    assert words in found.stderr
    assert "Traceback" not in found.output
    assert all(line.startswith("numbann: ") for line in found.stderr.splitlines())
    assert found.stdout == ""
    assert not Path("runs").exists()
    assert perf_counter() - begun < QUICK


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("cv", "--cluster", "dask"), f"--cluster dask: {NO_CLUSTER}"),
        (("cv", "--cluster", "tcp://head"), f"--cluster tcp://head: {NO_CLUSTER}"),
        (("cv", "--cluster", "tcp://head:99999"), NO_CLUSTER),
        (("cv", "--cluster", "http://head:8787/status"), NO_CLUSTER),
        (("cv", "--cluster", ""), NO_CLUSTER),
        (("cv", "--cluster", "mpi", "--processes"), "--cluster and --processes: the cluster knows its workers"),
        (("sweep", "--cluster", "mpi", "--workers", "3"), "--cluster and --workers: the cluster knows its workers"),
        (("sweep", "--cluster", "mpi", "--trial", "1", "-o", "all"), "--trial: is one training; leave --force"),
        (("train", "--cluster", "mpi", "--dry-run"), "--cluster and --dry-run: nothing is trained"),
    ],
)
def test_words(numbann: Numbann, write_spec: WriteSpec, arguments: tuple[str, ...], words: str) -> None:
    command, *options = arguments
    refused(numbann, words, command, write_spec(**({"sweep": SWEEP} if command == "sweep" else {})), *options)


@WITH_DASK
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("command", ["cv", "sweep", "train"])
def test_nobody_at_an_address(numbann: Numbann, write_spec: WriteSpec, command: str) -> None:
    spec = write_spec(**({"sweep": SWEEP} if command == "sweep" else {}))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    refused(numbann, "no scheduler of Dask answers", command, spec, "--cluster", f"tcp://127.0.0.1:{port}")
    if command == "cv":
        refused(numbann, "no scheduler of Dask answers", command, spec, "--cluster", "tcp://nowhere.invalid:8786")


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of something that listens and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@WITH_DASK
@pytest.mark.filterwarnings("default")
def test_no_scheduler_at_an_address(
    numbann: Numbann, write_spec: WriteSpec, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from numbann.runner import dask

    monkeypatch.setattr(dask, "PATIENCE", 0.2)
    refused(numbann, "no scheduler of Dask answers (timed out)", "cv", write_spec(), "--cluster", silent)
    secret = silent.replace("tcp", "tls")
    refused(numbann, "Dask knows no certificate", "cv", write_spec(), "--cluster", secret)


@pytest.mark.parametrize(
    ("text", "package", "words"),
    [
        ("tcp://head:8786", "distributed", 'needs Dask, which is not installed: pip install "numbann[cluster]"'),
        ("mpi", "mpi4py", 'needs mpi4py, which is not installed: pip install "numbann[mpi]"'),
    ],
)
def test_without_the_extra(
    numbann: Numbann, write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch, text: str, package: str, words: str
) -> None:
    for name in [one for one in sys.modules if one.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "numbann.runner.dask", raising=False)
    monkeypatch.delattr(runner, "dask", raising=False)
    refused(numbann, words, "cv", write_spec(), "--cluster", text)


def test_mpi_without_mpiexec(start: Callable[..., Any], write_spec: WriteSpec) -> None:
    pytest.importorskip("mpi4py")
    process = start("-m", "numbann_cli.main", "cv", write_spec(), "--cluster", "mpi")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.startswith("numbann: error: mpi: this program has no ranks to give jobs to; start it so: mpiexec -n")


def test_a_single_model(numbann: Numbann, write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import nullcontext

    from numbann.training import runs

    monkeypatch.setattr(runs, "connected", nullcontext)
    found = numbann("train", write_spec(), "--cluster", "mpi")
    assert found.exit_code == 2
    assert "this spec has one model; leave it out" in found.stderr
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    "text", ["tcp://head:8786", "tls://10.0.0.1:1", "tcp://[::1]:8786", "tcp://a-b.c_d:65535", "mpi"]
)
def test_what_names_a_cluster(text: str) -> None:
    assert clusters.names_cluster(text)


def test_help_tells_of_it(numbann: Numbann) -> None:
    for command in ("cv", "sweep", "resume", "train"):
        assert "--cluster ADDRESS" in numbann(command, "--help").output
