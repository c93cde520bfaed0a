"""The ranks of MPI: order of asking, what is sent once, and the end of jobs that nobody waits for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Mpi = Callable[..., Any]

ORDER = """
import json, pathlib, sys
import jobs
from numbann.runner import connected, run

with connected("mpi") as cluster:
    found = [one.value if one.error is None else repr(one.error) for one in run(jobs.square, range(6), cluster)]
    along = [one.value for one in run(jobs.Choosy(False), range(4), cluster, whole=lambda: jobs.Choosy(True))]
    counted = [one.value for one in run(jobs.Counted(pathlib.Path(sys.argv[1])), range(20), cluster)]
print(json.dumps([found, along, counted]))
"""

STOP = """
import pathlib, sys
import jobs
from numbann.runner import connected, run

folder = pathlib.Path(sys.argv[1])

def idle():
    if len(list(folder.glob("begun-*"))) >= 2:
        raise KeyboardInterrupt

with connected("mpi") as cluster:
    try:
        list(run(jobs.Waiting(folder), range(6), cluster, idle=idle))
    except KeyboardInterrupt:
        print("stopped")
"""


def test_results_come_in_the_order_of_asking(mpi: Mpi, tmp_path: Path) -> None:
    found = mpi("-c", ORDER, tmp_path)
    assert found.returncode == 0, found.stderr
    squares, along, counted = json.loads(found.stdout)
    assert squares == [0, 1, 4, "ValueError('three')", 16, 25]
    assert along == [[job, job % 2 == 0] for job in range(4)]
    assert counted == [1_000_000 + job for job in range(20)]
    assert 1 <= len(list(tmp_path.iterdir())) <= 2


def test_what_idle_raises_ends_the_jobs(mpi: Mpi, tmp_path: Path) -> None:
    found = mpi("-c", STOP, tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stdout == "stopped\n"
    assert len(list(tmp_path.glob("ended-*"))) == len(list(tmp_path.glob("begun-*"))) >= 2
