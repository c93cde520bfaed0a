"""The runner: order of asking, errors as results, lost workers, and any Executor."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from numbann.errors import NumbannError
from numbann.runner import Done, Line, run
from numbann.runner.pools import Pool


class AtOnce(Executor):
    """An Executor of the user's: it does each job when it is asked."""

    def submit(self, function: Any, /, *args: Any, **more: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **more))
        except Exception as error:
            future.set_exception(error)
        return future


def square(job: int) -> int:
    if job == 3:
        raise ValueError("three")
    time.sleep(0.002 * (10 - job))  # the later ones end first
    return job * job


def values(found: list[Done]) -> list[Any]:
    return [one.value if one.error is None else str(one.error) for one in found]


@pytest.mark.parametrize("workers", [1, 3, 20])
@pytest.mark.parametrize("executor", ["threads", ThreadPoolExecutor(2), AtOnce()], ids=["threads", "pool", "own"])
def test_results_come_in_the_order_of_asking(executor: Any, workers: int) -> None:
    found = list(run(square, range(10), executor, workers=workers))
    assert [one.place for one in found] == list(range(10))
    assert values(found) == ["three" if job == 3 else job * job for job in range(10)]


def test_no_more_run_than_may() -> None:
    running, most, lock = [0], [0], Lock()

    def work(job: int) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.003)
        with lock:
            running[0] -= 1

    list(run(work, range(12), workers=3))
    assert most == [3]


def test_what_idle_raises_stops_the_jobs() -> None:
    line = Line()

    def work(job: int) -> bool:
        return line.stop.wait(10)

    def idle() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run(work, range(5), workers=2, idle=idle, stop=line.stop.set))


def test_no_jobs() -> None:
    assert list(run(square, [])) == []


def test_a_wrong_executor() -> None:
    with pytest.raises(NumbannError, match='executor is "dask"; give "threads", "processes"'):
        list(run(square, [1], "dask"))


def test_a_line_is_heard_here_alone() -> None:
    line = Line()
    line.tell("one")
    pickle.loads(pickle.dumps(line)).tell("two")
    assert list(line.heard()) == ["one"]
    assert list(line.heard()) == []


def kill_once(job: tuple[str, int]) -> int:
    """Kill the process the first time that job 2 is done; job 4 always kills it."""
    folder, number = job
    marker = Path(folder) / f"killed-{number}"
    if number == 4 or (number == 2 and not marker.exists()):
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * 10


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_the_job_of_a_lost_worker_is_tried_again(tmp_path: Path) -> None:
    found = list(run(kill_once, [(str(tmp_path), number) for number in range(6)], "processes", workers=2))
    assert [one.value for one in found] == [0, 10, 20, 30, None, 50]
    assert isinstance(found[4].error, BrokenProcessPool)


WAITING = """
import multiprocessing, signal, time
from numbann.runner import run
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
if __name__ == "__main__":
    tell = lambda: print(len(multiprocessing.active_children()), flush=True)
    list(run(time.sleep, [600, 600], "processes", workers=2, idle=tell))
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_processes_end_with_the_one_that_asked(number: int) -> None:
    """What holds its standard output is at an end, too."""
    asking = subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert asking.stdout is not None
    assert asking.stdout.readline() == b"2\n"
    asking.send_signal(number)
    errors = asking.communicate(timeout=30)[1]
    assert asking.returncode != 0
    assert (b"KeyboardInterrupt" in errors) is (number == signal.SIGINT)


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_a_broken_executor_of_the_users_ends_with_errors(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        found = list(run(kill_once, [(str(tmp_path), 4), (str(tmp_path), 1)], executor))
    assert all(isinstance(one.error, BrokenProcessPool) for one in found)


def test_a_pool_stays_open() -> None:
    with Pool("threads", 2) as pool:
        for _ in range(2):
            assert values(list(run(square, range(3), pool))) == [0, 1, 4]
    with pytest.raises(RuntimeError, match="shutdown"):
        list(run(square, range(3), pool))


def test_jobs_are_told_of_as_they_end() -> None:
    ended: list[int] = []
    found = [one.place for one in run(square, range(3), workers=3, ended=lambda done: ended.append(done.place))]
    assert found == [0, 1, 2]
    assert sorted(ended) == found


@pytest.mark.parametrize("executor", ["threads", ThreadPoolExecutor(1)], ids=["threads", "own"])
def test_no_more_begin(executor: Any) -> None:
    begun: list[int] = []

    def work(job: int) -> int:
        begun.append(job)
        time.sleep(0.01)
        return job

    found = [one.place for one in run(work, range(50), executor, more=lambda: len(begun) < 3)]
    assert found == begun
    assert 3 <= len(found) < 50
    assert [one.place for one in run(work, range(50), executor, more=lambda: False)] == []
