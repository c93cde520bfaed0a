"""The team of threads: woken, called in a row, called from several Python threads, forked and closed."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import time

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


def test_closing_ends_the_threads(engine: Engine) -> None:
    engine.epoch(0, steps())
    started = [thread for thread in threading.enumerate() if thread.name.startswith("numbann-")]
    assert started
    engine.close()
    for thread in started:
        thread.join(timeout=5)
    assert not any(thread.is_alive() for thread in started)


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


def _train(engine: Engine, queue: multiprocessing.Queue[float]) -> None:
    queue.put(engine.epoch(1, steps()))


@pytest.mark.skipif(sys.platform == "win32", reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_a_forked_process_has_a_team_of_its_own(engine: Engine) -> None:
    with engine:
        engine.epoch(0, steps())
        fork = multiprocessing.get_context("fork")
        queue = fork.Queue()
        child = fork.Process(target=_train, args=(engine, queue))
        child.start()
        there = queue.get(timeout=30)
        child.join()
        assert there == engine.epoch(1, steps())
