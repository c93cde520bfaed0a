"""The workers of Dask: order of asking, lost workers, a lost scheduler, and what is sent once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jobs
import pytest

from numbann.errors import ClusterError, ClusterWarning, LostClusterError
from numbann.runner import connected, run

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # Dask has warnings of its own

OTHER = """
import importlib.metadata

own = importlib.metadata.version
importlib.metadata.version = lambda name: "0.0.9" if name == "numbann" else own(name)
"""


def test_results_come_in_the_order_of_asking(dask: str) -> None:
    with connected(dask) as cluster:
        found = list(run(jobs.square, range(10), cluster))
        assert [one.value if one.error is None else repr(one.error) for one in found] == [
            "ValueError('three')" if job == 3 else job * job for job in range(10)
        ]
        assert [one.value for one in run(jobs.square, range(4, 7), cluster)] == [16, 25, 36]


def test_an_executor_of_the_users(dask: str) -> None:
    from distributed import Client

    with Client(dask, set_as_default=False) as client:
        with connected(client.get_executor()) as cluster:
            assert [one.value for one in run(jobs.square, range(4, 7), cluster)] == [16, 25, 36]
        assert client.status == "running"


def test_a_work_is_sent_once_to_each_worker(dask: str, tmp_path: Path) -> None:
    with connected(dask) as cluster:
        found = list(run(jobs.Counted(tmp_path), range(30), cluster))
    assert [one.value for one in found] == [1_000_000 + job for job in range(30)]
    assert 1 <= len(list(tmp_path.iterdir())) <= 2


def test_what_a_worker_lacks_is_sent_along(dask: str) -> None:
    with connected(dask) as cluster:
        found = list(run(jobs.Choosy(False), range(6), cluster, whole=lambda: jobs.Choosy(True)))
    assert [one.value for one in found] == [(job, job % 2 == 0) for job in range(6)]


def test_what_idle_raises_ends_the_jobs(dask: str, tmp_path: Path) -> None:
    def idle() -> None:
        if len(list(tmp_path.iterdir())) == 2:
            raise KeyboardInterrupt

    with connected(dask) as cluster, pytest.raises(KeyboardInterrupt):
        list(run(jobs.Waiting(tmp_path), range(4), cluster, idle=idle))
    wait_for(lambda: len(list(tmp_path.glob("ended-*"))) == len(list(tmp_path.glob("begun-*"))) >= 2)


def test_the_job_of_a_lost_worker_is_tried_again(own_dask: Any, tmp_path: Path) -> None:
    own_dask.hire(2)
    with connected(own_dask.address) as cluster:
        found = list(run(jobs.kill_once, [(str(tmp_path), number) for number in range(8)], cluster))
    assert [one.value for one in found] == [0, 10, 20, 30, 40, 50, 60, 70]
    assert [process.poll() is None for process in own_dask.workers].count(False) == 1


def test_a_lost_scheduler_is_one_error(own_dask: Any, tmp_path: Path) -> None:
    own_dask.hire(1)

    def idle() -> None:
        if list(tmp_path.glob("begun-*")):
            own_dask.scheduler.kill()

    with connected(own_dask.address) as cluster:
        with pytest.raises(LostClusterError, match="the scheduler was lost"):
            list(run(jobs.Waiting(tmp_path), range(4), cluster, idle=idle))
        with pytest.raises(LostClusterError, match="the scheduler was lost"):
            list(run(jobs.square, range(4), cluster))


def test_other_versions_are_refused(own_dask: Any, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(OTHER)
    own_dask.hire(1, tmp_path)
    refused = pytest.raises(ClusterError, match=r"tcp://.*: has numbann 0\.0\.9, and numbann 0\.1\.0 asks for its jobs")
    with refused, connected(own_dask.address):
        pass


def test_no_workers_is_a_warning(own_dask: Any) -> None:
    with pytest.warns(ClusterWarning, match="has no workers yet"), connected(own_dask.address):
        pass


def wait_for(condition: Any) -> None:
    """Wait until something holds."""
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()
