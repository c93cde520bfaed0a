"""Rows that are made when asked for train and predict as rows in memory do, bit for bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from networks import make_data, make_engine, make_plan, same_bytes, set_weights, weights_of

from numbann.engine.cpu.engine import Engine
from numbann.engine.shared import feeding
from numbann.network.plan import Plan


class Made:
    """Rows of an array, made when asked for; asked(places) is told first."""

    def __init__(self, x: np.ndarray, asked: Callable[[np.ndarray], None] = lambda places: None) -> None:
        self.x, self.asked = x, asked

    def __len__(self) -> int:
        return len(self.x)

    def take(self, places: np.ndarray, out: np.ndarray) -> None:
        self.asked(places)
        out[:] = self.x[places]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 100 rows or so."""
    monkeypatch.setattr(feeding, "BLOCK_BYTES", 100 * 20 * 4)


def twins(made: Plan, rows: int, threads: int = 1) -> tuple[Engine, Engine, np.ndarray, np.ndarray]:
    """Two engines with the same weights and rows, one with its rows in memory, one without."""
    whole, x, t = make_engine(made, rows, threads)
    fed, _, _ = make_engine(made, rows, threads)
    fed.load_data(Made(x), t)
    return whole, fed, x, t


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("rows", "batch"), [(1, 8), (95, 8), (150, 8), (1000, 32), (1001, 300), (2500, 1024), (90, None)]
)
def test_training_and_evaluation_have_the_same_bits(rows: int, batch: int | None, threads: int) -> None:
    made = make_plan([20, 9, 3], "tanh", "softmax_cross_entropy", "adam", batch=batch, dtype="float32")
    whole, fed, x, t = twins(made, rows, threads)
    rates = np.full(-(-rows // made.batch_rows(rows)), 0.01)
    with whole, fed:
        for epoch in range(3):
            assert whole.epoch(epoch, rates) == fed.epoch(epoch, rates)
            assert same_bytes(weights_of(whole), weights_of(fed))
            assert whole.steps_done == fed.steps_done
        loss, predictions = fed.evaluate(Made(x), t)
        assert loss == whole.evaluate(x, t)[0]
        assert predictions.tobytes() == whole.predict(x).tobytes() == fed.predict(Made(x)).tobytes()


def test_no_more_than_two_blocks_are_asked_for() -> None:
    """A block is asked for when the one before the last is done with."""
    rows, batch = 1000, 10
    x, t = make_data(make_plan([20, 3], batch=batch), rows)
    made = make_plan([20, 3], batch=batch)
    with Engine(made, 1) as engine:
        asked: list[int] = []
        engine.load_data(Made(x, lambda places: asked.append(len(places))), t)
        assert not asked
        engine.epoch(0, np.full(rows // batch, 0.1))
        length = feeding.block_rows(batch, made)
        assert length == 50
        assert asked == [length] * (rows // length)


def test_an_error_while_rows_are_made_comes_out_and_training_can_go_on() -> None:
    made = make_plan([20, 9, 3], "tanh", "softmax_cross_entropy", "adam", batch=10, dtype="float32")
    whole, fed, x, t = twins(made, 500)
    rates, left = np.full(50, 0.01), 2

    def fail(places: np.ndarray) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError("the disk is gone")

    with whole, fed:
        fed.load_data(Made(x, fail), t)
        with pytest.raises(OSError, match="the disk is gone"):
            fed.epoch(0, rates)
        done = fed.steps_done
        assert done == 2 * feeding.block_rows(10, made) // 10
        whole.epoch(0, np.where(np.arange(50) < done, 0.01, 0))
        assert same_bytes(weights_of(whole), weights_of(fed))
        left = 1000
        other, state = weights_of(whole), fed.state()
        set_weights(whole, other)
        whole.restore(state)
        assert whole.epoch(1, rates) == fed.epoch(1, rates)
        assert same_bytes(weights_of(whole), weights_of(fed))


@pytest.mark.parametrize("batch", [8, 1024])
def test_weighted_rows_have_the_same_bits(batch: int) -> None:
    made = make_plan([20, 9, 3], "tanh", "softmax_cross_entropy", "adam", batch=batch, dtype="float32")
    whole, fed, x, t = twins(made, 2500)
    rates, weight = np.full(-(-2500 // batch), 0.01), np.random.default_rng(0).random(2500)
    with whole, fed:
        whole.load_data(x, t, weight)
        fed.load_data(Made(x), t, weight)
        for epoch in range(2):
            assert whole.epoch(epoch, rates) == fed.epoch(epoch, rates)
        assert same_bytes(weights_of(whole), weights_of(fed))
        assert whole.evaluate(x, t, weight)[0] == fed.evaluate(Made(x), t, weight)[0]
