"""The team of threads: woken, called in a row, called from several Python threads, forked and closed."""

from __future__ import annotations

import gc
import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import networks
import numpy as np
import pytest
from networks import make_engine, make_plan

from numbann.engine.cpu.engine import Engine


@pytest.fixture
def engine() -> Engine:
    made, _, _ = make_engine(make_plan([20, 128, 5], "relu", batch=16, dtype="float32"), 64, threads=4)
    return made


def steps() -> np.ndarray:
    return np.full(4, 1e-3)


def test_many_short_calls_in_a_row_and_after_a_pause(engine: Engine) -> None:
    with engine:
        for epoch in range(200):
            engine.epoch(epoch, steps())
        time.sleep(0.3)  # the threads have parked
        engine.epoch(200, steps())
        assert engine.steps_done == 4 * 201


def test_it_starts_again_after_it_was_closed(engine: Engine) -> None:
    engine.epoch(0, steps())
    engine.close()
    assert np.isfinite(engine.epoch(1, steps()))
    engine.close()


def started() -> set[threading.Thread]:
    """The threads of all teams."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("numbann-")}


def drop(_: Engine) -> None:
    """Let go of an engine without a word."""


@pytest.mark.parametrize("end", [Engine.close, drop])
def test_its_threads_end_at_once(monkeypatch: pytest.MonkeyPatch, end: Callable[[Engine], None]) -> None:
    """Whatever they wait for: on a busy machine the moments between two epochs may take minutes."""
    monkeypatch.setattr("numbann.engine.cpu.engine.BETWEEN_EPOCHS", 10**15)
    before = started()
    engine, _, _ = make_engine(make_plan([20, 128, 5], "relu", batch=16, dtype="float32"), 64, threads=4)
    engine.epoch(0, steps())
    of_engine = started() - before
    assert len(of_engine) == 3
    end(engine)
    del engine
    gc.collect()
    for thread in of_engine:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in of_engine)


def test_predictions_from_several_threads_are_each_their_own(engine: Engine) -> None:
    random = np.random.default_rng(0)
    given = [random.standard_normal((rows, 20)).astype(np.float32) for rows in (1, 3, 16, 17, 700)]
    with engine:
        expected = [engine.predict(x) for x in given]
        wrong: list[int] = []

        def predict(which: int) -> None:
            for _ in range(50):
                if not np.array_equal(engine.predict(given[which]), expected[which]):
                    wrong.append(which)

        threads = [threading.Thread(target=predict, args=(which,)) for which in range(len(given))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def _work(engine: Engine, x: np.ndarray, queue: multiprocessing.Queue[bytes]) -> None:
    queue.put(engine.predict(x).tobytes())
    engine.epoch(1, steps())
    queue.put(engine.predict(x).tobytes())


@pytest.mark.skipif(sys.platform == "win32", reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("busy", [False, True])
def test_a_forked_process_has_a_team_of_its_own(engine: Engine, busy: bool) -> None:
    """It predicts and trains as its parent does afterwards; busy: while a thread of the parent predicts."""
    x = np.random.default_rng(0).standard_normal((700, 20)).astype(np.float32)
    with engine:
        engine.epoch(0, steps())
        fork = multiprocessing.get_context("fork")
        queue = fork.Queue()
        child = fork.Process(target=_work, args=(engine, x, queue))
        with engine._runner.team.lock if busy else nullcontext():
            child.start()
        there = [queue.get(timeout=60) for _ in range(2)]
        child.join()
        here = [engine.predict(x).tobytes()]
        engine.epoch(1, steps())
        assert there == [*here, engine.predict(x).tobytes()]


@pytest.mark.parametrize(
    "last", ["", "time.sleep(0.3)", "threading.Thread(target=train, daemon=True).start(); time.sleep(0.1)"]
)
def test_the_interpreter_ends_whatever_a_team_does(last: str) -> None:
    """It waits for calls, it has parked, or it works for a daemon thread."""
    code = f"""
import sys, threading, time, numpy
sys.path.append({str(Path(networks.__file__).parent)!r})
from networks import make_engine, make_plan
engine, _, _ = make_engine(make_plan([20, 128, 5], "relu", batch=16, dtype="float32"), 64, threads=4)
def train():
    for epoch in range(10**9):
        engine.epoch(epoch, numpy.full(4, 1e-3))
        if threading.current_thread() is threading.main_thread():
            break
train()
{last}
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=120)
