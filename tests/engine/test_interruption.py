"""Ctrl-C in the middle of an epoch: it comes out soon, at the end of a step, with weights that fit steps_done."""

from __future__ import annotations

import signal
import threading
import time

import numpy as np
import pytest
from networks import make_engine, make_plan, same_bytes, weights_of

from numbann.engine.cpu.engine import Engine

SIZES, ROWS, BATCH = [16, 64, 64, 4], 400_000, 1  # an epoch of about a second


class Interrupt(threading.Timer):
    """Sends Ctrl-C to the main thread after some seconds, and keeps the time when it did."""

    def __init__(self, after: float) -> None:
        super().__init__(after, self.send)
        self.daemon, self.sent = True, 0.0

    def send(self) -> None:
        """Press Ctrl-C."""
        self.sent = time.perf_counter()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def interrupted(engine: Engine, steps: int) -> float:
    """Run an epoch into an interrupt; seconds from the signal to the exception."""
    interrupt = Interrupt(0.1)
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - if the epoch ends before it, the rest waits for it
        engine.epoch(0, np.full(steps, 1e-3))
        interrupt.join()
        time.sleep(1)
    return time.perf_counter() - interrupt.sent


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals to a thread on this system")
@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_leaves_a_consistent_state(threads: int) -> None:
    made = make_plan(SIZES, "tanh", batch=BATCH, dtype="float32")
    steps = ROWS // BATCH
    engine, _, _ = make_engine(made, ROWS, threads)
    with engine:
        assert interrupted(engine, steps) < 0.3
        done, weights = engine.steps_done, weights_of(engine)
        assert 0 < done < steps
        assert engine.predict(np.zeros((1, 16))).shape == (1, 4)
    other, _, _ = make_engine(made, ROWS, 1)
    with other:
        rates = np.full(steps, 1e-3)
        rates[done:] = 0  # steps of rate 0 change nothing, so this is an epoch that ended where the other was stopped
        other.epoch(0, rates)
        assert same_bytes(weights_of(other), weights)


def test_progress_is_told_while_it_runs() -> None:
    told: list[tuple[int, int]] = []
    engine, _, _ = make_engine(make_plan(SIZES, batch=BATCH, dtype="float32"), ROWS)
    with engine:
        engine.epoch(0, np.full(ROWS // BATCH, 1e-3), lambda done, steps: told.append((done, steps)))
    assert told
    assert all(steps == ROWS // BATCH for _, steps in told)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_an_error_while_waiting_comes_out_too() -> None:
    """An exception from the progress function stops the team as an interrupt does."""
    engine, _, _ = make_engine(make_plan(SIZES, batch=BATCH, dtype="float32"), ROWS)

    def fail(done: int, steps: int) -> None:
        raise ValueError("no progress")

    with engine:
        with pytest.raises(ValueError, match="no progress"):
            engine.epoch(0, np.full(ROWS // BATCH, 1e-3), fail)
        assert 0 < engine.steps_done < ROWS // BATCH
