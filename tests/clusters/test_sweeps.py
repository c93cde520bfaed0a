"""Sweeps on clusters: the same table as in this process, also where a worker or the scheduler is lost in the middle."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import numbann
from numbann.errors import LostClusterError
from numbann.training.callbacks import TrialEnded

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # Dask has warnings of its own

WriteSpec = Callable[..., Path]
PARAMETERS = {"optimizer.learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}, "model.layers[0].units": [4, 8]}
RANDOM = {"parameters": PARAMETERS, "search": {"type": "random", "trials": 8}}
HALVING = {"parameters": PARAMETERS, "search": {"type": "halving", "trials": 6}}


def table(path: Path) -> list[Any]:
    """The rows of all trials, without what a clock is in."""
    lines = [json.loads(line) for line in (path / "trials.jsonl").read_text().splitlines()]
    rows = [_timeless(row) for row in lines]
    return sorted(rows, key=lambda row: (row["trial"], row.get("rung", 0)))


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(inner) for key, inner in value.items() if key != "seconds"}
    return [_timeless(inner) for inner in value] if isinstance(value, list) else value


def swept(spec: Path, output: str, **more: Any) -> list[Any]:
    return table(numbann.sweep(spec, output=output, **more).path)


@pytest.mark.parametrize("sweep", [RANDOM, HALVING], ids=["random", "halving"])
def test_the_same_table_everywhere(write_spec: WriteSpec, dask: str, sweep: dict[str, Any]) -> None:
    spec = write_spec(train={"epochs": 4}, sweep=sweep)
    expected = swept(spec, "one", workers=1)
    assert swept(spec, "threads", workers=2) == expected
    assert swept(spec, "processes", workers=2, executor="processes") == expected
    assert swept(spec, "dask", executor=dask) == expected


def test_the_same_table_with_mpi(write_spec: WriteSpec, mpi: Callable[..., Any]) -> None:
    spec = write_spec(train={"epochs": 4}, sweep=RANDOM)
    found = mpi("-m", "numbann_cli.main", "sweep", spec, "--cluster", "mpi", "-o", "mpi")
    assert found.returncode == 0, found.stderr
    assert table(Path("mpi")) == swept(spec, "one", workers=1)


def test_a_worker_killed_in_the_middle(write_spec: WriteSpec, own_dask: Any) -> None:
    spec = write_spec(train={"epochs": 200}, sweep=RANDOM)
    own_dask.hire(2)

    def kill(event: Any) -> None:
        if isinstance(event, TrialEnded) and event.row["trial"] == 2:
            own_dask.workers[0].send_signal(signal.SIGKILL)

    found = swept(spec, "away", executor=own_dask.address, callbacks=[kill])
    assert own_dask.workers[0].wait(10) == -signal.SIGKILL
    assert found == swept(spec, "one", workers=2)


def test_a_scheduler_killed_in_the_middle(write_spec: WriteSpec, own_dask: Any) -> None:
    spec = write_spec(train={"epochs": 200}, sweep=RANDOM)
    own_dask.hire(1)

    def kill(event: Any) -> None:
        if isinstance(event, TrialEnded) and event.row["trial"] == 2:
            own_dask.scheduler.send_signal(signal.SIGKILL)

    with pytest.raises(LostClusterError, match="are kept in away\nresume with: numbann resume away"):
        swept(spec, "away", executor=own_dask.address, callbacks=[kill])
    assert 2 <= len(table(Path("away"))) < 8
    numbann.resume_sweep("away")
    assert table(Path("away")) == swept(spec, "one", workers=2)
