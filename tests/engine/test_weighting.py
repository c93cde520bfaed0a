"""Rows with weights: against the NumPy twin, against rows that are there more than once, and bit for bit."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import reference
from networks import epoch_order, flat, make_engine, make_plan, same_bytes, twin, twin_loss, weights_of, width_of

from numbann.components.built_in import built_in
from numbann.engine.cpu.engine import Engine
from numbann.engine.shared.weighting import Shares, weighted_mean
from numbann.network import plan

CLOSE = {"float64": {"rtol": 1e-10, "atol": 1e-12}, "float32": {"rtol": 2e-4, "atol": 5e-6}}
SIZES = [6, 9, 6]


def some_weights(rows: int) -> np.ndarray:
    """Weights of which a third is 0."""
    random = np.random.default_rng(5)
    return random.uniform(0.1, 4.0, rows) * (random.random(rows) > 0.3)


def weighted_engine(made: plan.Plan, rows: int, threads: int = 1) -> tuple[Engine, np.ndarray, np.ndarray, np.ndarray]:
    engine, x, t = make_engine(made, rows, threads)
    weight = some_weights(rows)
    engine.load_data(x, t, weight)
    return engine, x, t, weight


def check_epoch(made: plan.Plan, rows: int, rate: float = 0.1) -> None:
    """An epoch of plain descent gives the twin's loss and weights, and so does an evaluation."""
    engine, x, t, weight = weighted_engine(made, rows)
    loss, losses, batch = twin_loss(made), [], made.batch_rows(rows)
    values = {**made.optimizer.values, "learning_rate": rate, "weight_decay": 0.0, "step": 1}
    update = functools.partial(reference.sgd_step, **values)
    with engine:
        layers = twin(engine)
        row_loss, _ = loss(reference.forward(layers, x.astype(np.float64)), t)
        assert engine.evaluate(x, t, weight)[0] == pytest.approx(np.average(row_loss, weights=weight), rel=1e-5)
        order, states = epoch_order(made, 0, rows), reference.zero_states(layers, 1)
        for first in range(0, rows, batch):
            chosen = order[first : first + batch]
            given = x[chosen].astype(np.float64), t[chosen]
            value, layers, states = reference.training_step(layers, *given, loss, update, states, weight[chosen])
            losses.append(value)
        assert engine.epoch(0, np.full(len(losses), rate)) == pytest.approx(np.mean(losses), rel=1e-5)
        np.testing.assert_allclose(flat(weights_of(engine)), flat([(k.w, k.b) for k in layers]), **CLOSE[made.dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "loss", [one.component.name for one in built_in().entries("loss") if one.component.form != "batch"]
)
def test_every_loss(loss: str, dtype: str) -> None:
    check_epoch(make_plan([*SIZES[:-1], width_of(loss, SIZES[-1])], "tanh", loss, batch=7, dtype=dtype), 23)


@pytest.mark.parametrize("loss", ["mse", "softmax_cross_entropy"])
@pytest.mark.parametrize(("batch", "rows"), [(None, 23), (1500, 4000), (None, 1030)])
def test_batches(loss: str, batch: int | None, rows: int) -> None:
    """One batch, and batches so large that they go by groups of rows."""
    check_epoch(make_plan(SIZES, "tanh", loss, batch=batch), rows)


@pytest.mark.parametrize("loss", ["mse", "softmax_cross_entropy"])
def test_a_weight_of_two_is_a_row_twice(loss: str) -> None:
    made = make_plan(SIZES, "tanh", loss)
    engine, x, t = make_engine(made, 11)
    twice, _, _ = make_engine(made, 11)
    count = np.arange(11) % 3
    with engine, twice:
        engine.load_data(x, t, count)
        twice.load_data(np.repeat(x, count, axis=0), np.repeat(t, count, axis=0))
        for epoch in range(3):
            assert engine.epoch(epoch, np.full(1, 0.3)) == pytest.approx(twice.epoch(epoch, np.full(1, 0.3)), rel=1e-12)
        np.testing.assert_allclose(flat(weights_of(engine)), flat(weights_of(twice)), rtol=1e-11)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("batch", "rows"), [(7, 77), (None, 77), (1500, 4000)])
def test_any_number_of_threads(batch: int | None, rows: int, dtype: str) -> None:
    made = make_plan([20, 330, 130, 10], "relu", "softmax_cross_entropy", "adam", batch=batch, dtype=dtype)
    rates, found = np.full(-(-rows // made.batch_rows(rows)), 0.01), []
    for threads in (1, 2, 3):
        engine, x, t, weight = weighted_engine(made, rows, threads)
        with engine:
            losses = [engine.epoch(epoch, rates) for epoch in range(2)]
            found.append((losses, weights_of(engine), engine.evaluate(x, t, weight)[0]))
    for losses, weights, value in found[1:]:
        assert (losses, value) == (found[0][0], found[0][2])
        assert same_bytes(weights, found[0][1])


def test_a_batch_without_weight_teaches_nothing() -> None:
    """Its loss is 0, not NaN; the other batches go on."""
    made = make_plan(SIZES, batch=4, loss="softmax_cross_entropy")
    engine, x, t = make_engine(made, 12)
    with engine:
        weight = np.ones(12)
        weight[epoch_order(made, 0, 12)[:4]] = 0
        engine.load_data(x, t, weight)
        before = flat(weights_of(engine))
        loss = engine.epoch(0, np.array([0.5, 0.0, 0.0]))
        np.testing.assert_array_equal(flat(weights_of(engine)), before)
        values, _ = twin_loss(made)(reference.forward(twin(engine), x), t)
        assert loss == pytest.approx(values[weight > 0].sum() / 12, rel=1e-12)


def test_the_size_of_weights_does_not_matter() -> None:
    """Also where their sum is beyond float64, or they are below the smallest float32."""
    made = make_plan(SIZES, batch=7, dtype="float32")
    found = []
    for factor in (1.0, 2.0**1000, 2.0**-1000):
        engine, x, t = make_engine(made, 23)
        with engine:
            weight = factor * some_weights(23)
            engine.load_data(x, t, weight)
            found.append((engine.epoch(0, np.full(4, 0.1)), engine.evaluate(x, t, weight)[0], flat(weights_of(engine))))
    for loss, value, weights in found[1:]:
        assert (loss, value) == found[0][:2]
        np.testing.assert_array_equal(weights, found[0][2])


def test_equal_weights_are_no_weights() -> None:
    made = make_plan([6, 9, 1], batch=7, dtype="float32", loss="sigmoid_cross_entropy")
    engine, x, t = make_engine(made, 23)
    plain, _, _ = make_engine(made, 23)
    with engine, plain:
        engine.load_data(x, t, np.full(23, 3))
        assert engine.epoch(0, np.full(4, 0.1)) == pytest.approx(plain.epoch(0, np.full(4, 0.1)), rel=1e-6)
        assert same_bytes(weights_of(engine), weights_of(plain))


def test_shares_of_a_batch_sum_to_one() -> None:
    shares = Shares(np.array([1, 3, 0, 0, 2, 2, 5]), np.array([0, 2, 4, 6, 7]), "float64")
    shares.follow(np.array([0, 1, 2, 3, 4, 5, 6]))
    np.testing.assert_array_equal(shares.values, [0.25, 0.75, 0, 0, 0.5, 0.5, 1])
    shares.follow(np.array([6, 5, 4, 3, 2, 1, 0]))
    np.testing.assert_allclose(shares.values, [5 / 7, 2 / 7, 1, 0, 0, 1, 1])
    assert weighted_mean(np.array([1.0, 5.0]), np.array([0, 0])) == 0
