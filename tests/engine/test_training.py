"""Training steps of the engine against the NumPy twin and against arithmetic by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import reference
from networks import (
    configured,
    epoch_order,
    flat,
    make_data,
    make_engine,
    make_plan,
    set_weights,
    twin,
    twin_loss,
    weights_of,
)
from variants import variants

from numbann.components.component import Component
from numbann.engine.cpu.engine import Engine
from numbann.network import plan

TOLERANCE = {"float64": {"rtol": 1e-10, "atol": 1e-13}, "float32": {"rtol": 2e-4, "atol": 2e-6}}
SHAPES = ([1, 1], [5, 1, 2], [1, 5, 17, 3], [17, 33, 70, 10], [70, 130, 33, 5], [130, 1, 33], [401, 512, 270, 3])
STEPPING = [*variants("optimizer", "elementwise"), *variants("optimizer", "matrix")]


def twin_epoch(engine: Engine, x: np.ndarray, t: np.ndarray, rate: float, epoch: int = 0) -> tuple[float, np.ndarray]:
    """An epoch of the engine's network in NumPy, from its present weights: the mean of the steps' losses, the weights.

    The optimizer's states start at zero.
    """
    made, layers, losses = engine.plan, twin(engine), []
    states = reference.zero_states(layers, len(made.optimizer.component.states))
    order, batch = epoch_order(made, epoch, len(x)), made.batch_rows(len(x))
    for step, first in enumerate(range(0, len(x), batch), start=1):
        rows, update = order[first : first + batch], twin_update(made, rate, step)
        inputs, targets = x[rows].astype(np.float64), t[rows]
        loss, layers, states = reference.training_step(layers, inputs, targets, twin_loss(made), update, states)
        losses.append(loss)
    return float(np.mean(losses)), flat([(layer.w, layer.b) for layer in layers])


def twin_update(made: plan.Plan, rate: float, step: int) -> reference.Update:
    """The plan's optimizer in NumPy, with its parameters bound."""
    values: dict[str, Any] = {**made.optimizer.values, "learning_rate": rate, "weight_decay": made.weight_decay}
    component, step_of = made.optimizer.component, getattr(reference, f"{made.optimizer.name}_step")
    if "step" in component.roles:
        values["step"] = step

    def update(w: np.ndarray, g: np.ndarray, *states: np.ndarray) -> tuple[np.ndarray, ...]:
        moved: tuple[np.ndarray, ...] = step_of(w, g, **dict(zip(component.states, states, strict=True)), **values)
        return moved

    return update


def check_epoch(made: plan.Plan, rows: int, rate: float) -> None:
    """One epoch gives the twin's loss and the twin's weights."""
    engine, x, t = make_engine(made, rows)
    with engine:
        expected_loss, expected = twin_epoch(engine, x, t, rate)
        before = flat(weights_of(engine))
        steps = -(-rows // (made.batch_size or rows))
        loss = engine.epoch(0, np.full(steps, rate))
        trained = flat(weights_of(engine))
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert np.abs(trained - before).max() > 10 * TOLERANCE[made.dtype]["atol"]
    np.testing.assert_allclose(trained, expected, **TOLERANCE[made.dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("batch", "rows"), [(1, 3), (7, 23), (None, 23), (7, 1), (64, 65)])
@pytest.mark.parametrize("sizes", SHAPES, ids=str)
def test_sizes(sizes: list[int], batch: int | None, rows: int, dtype: str) -> None:
    check_epoch(make_plan(sizes, "relu", batch=batch, dtype=dtype), rows, 0.05)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "sigmoid_cross_entropy", "soft_cross_entropy"])
def test_losses(loss: str, dtype: str) -> None:
    check_epoch(make_plan([6, 9, 5], "sigmoid", loss, batch=7, dtype=dtype), 23, 0.5)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize(("optimizer", "parameters"), STEPPING)
def test_optimizers(optimizer: Component, parameters: dict[str, Any], weight_decay: float) -> None:
    """Thirty steps, so that the states matter."""
    made = make_plan([4, 6, 3], optimizer=optimizer.name, batch=2, weight_decay=weight_decay, **parameters)
    check_epoch(made, 60, 0.01)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_step_by_hand(dtype: str) -> None:
    """Two inputs, two rectifiers of which one is off, one output; every number is exact in both precisions."""
    with Engine(make_plan([2, 2, 1], "relu", dtype=dtype), 1) as engine:
        engine.load_data(np.array([[1.0, 2.0]]), np.array([[3.0]]))
        set_weights(
            engine,
            [
                (np.array([[1.0, -1.0], [0.5, 0.25]]), np.array([0.5, 0.0])),
                (np.array([[2.0], [3.0]]), np.array([-1.0])),
            ],
        )
        # z = [1 + 1 + 0.5, -1 + 0.5] = [2.5, -0.5], a = [2.5, 0], y = 2 * 2.5 + 3 * 0 - 1 = 4, loss = (4 - 3)^2 = 1
        assert engine.epoch(0, np.array([0.125])) == 1.0
        # dy = 2 (4 - 3) = 2, dw2 = a dy = [5, 0], db2 = 2, da = w2 dy = [4, 6], dz = [4, 0], as the second unit is off
        # dw1 = x' dz = [[4, 0], [8, 0]], db1 = [4, 0]; an eighth of each is taken off
        (w1, b1), (w2, b2) = weights_of(engine)
    np.testing.assert_array_equal(w1, [[0.5, -1.0], [-0.5, 0.25]])
    np.testing.assert_array_equal(b1, [0.0, 0.0])
    np.testing.assert_array_equal(w2, [[1.375], [3.0]])
    np.testing.assert_array_equal(b2, [-1.25])


def test_a_step_of_classification_by_hand() -> None:
    """w is the unit matrix, so that y = x = [2, 1, 0], and softmax(y) = [0.665, 0.245, 0.090]."""
    with Engine(make_plan([3, 3], loss="softmax_cross_entropy"), 1) as engine:
        x, label = np.array([[2.0, 1.0, 0.0]]), np.array([0])
        set_weights(engine, [(np.eye(3), np.zeros(3))])
        np.testing.assert_allclose(engine.predict(x), [[0.66524096, 0.24472847, 0.09003057]], atol=1e-8)
        engine.load_data(x, label)
        assert engine.epoch(0, np.ones(1)) == pytest.approx(-np.log(0.66524096))
        _, b = weights_of(engine)[0]
    np.testing.assert_allclose(b, [1 - 0.66524096, -0.24472847, -0.09003057], atol=1e-8)  # b - (softmax - one-hot)


def test_rates_are_taken_step_by_step() -> None:
    """With a rate of 0 after the first two steps, the rest of the epoch changes nothing."""
    made = make_plan([4, 6, 3], batch=5)
    engine, x, t = make_engine(made, 20)
    with engine:
        layers, order = twin(engine), epoch_order(made, 0, 20)
        states = reference.zero_states(layers, 1)
        for rows, rate in ((order[:5], 0.5), (order[5:10], 0.25)):
            update = twin_update(made, rate, 1)
            _, layers, states = reference.training_step(layers, x[rows], t[rows], twin_loss(made), update, states)
        engine.epoch(0, np.array([0.5, 0.25, 0.0, 0.0]))
        np.testing.assert_allclose(flat(weights_of(engine)), flat([(k.w, k.b) for k in layers]), rtol=1e-12)


def test_the_order_of_rows_depends_on_seed_and_epoch() -> None:
    made = [make_plan([1, 1], batch=10, seed=seed) for seed in (0, 1)]
    orders = [epoch_order(each, epoch, 100) for each in made for epoch in (0, 1)]
    assert all((np.sort(order) == np.arange(100)).all() for order in orders)
    assert len({order.tobytes() for order in orders}) == 4
    np.testing.assert_array_equal(orders[1], epoch_order(made[0], 1, 100))


def test_epoch_needs_data() -> None:
    with Engine(make_plan([2, 1]), 1) as engine, pytest.raises(RuntimeError, match="load_data"):
        engine.epoch(0, np.ones(1))


def test_a_second_engine_compiles_nothing() -> None:
    made = make_plan([5, 4, 3], "elu", "softmax_cross_entropy", "adam", batch=4)
    for expected in (None, 0):
        engine, x, t = make_engine(made, 9)
        with engine:
            engine.epoch(0, np.full(3, 0.01))
            engine.evaluate(x, t)
            assert expected is None or engine.compiled == expected


def test_inputs_in_another_layout_are_understood() -> None:
    """Columns first, another precision or every second row: the same numbers give the same prediction."""
    made = make_plan([6, 4, 2], dtype="float32")
    x, _ = make_data(made, 10)
    with Engine(made, 1) as engine:
        engine.initialize(0)
        expected = engine.predict(x)
        for other in (np.asfortranarray(x), x.astype(np.float64), np.repeat(x, 2, axis=0)[::2]):
            np.testing.assert_array_equal(engine.predict(other), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("sizes", "batch", "rows"),
    [([5, 17, 3], None, 1023), ([5, 17, 3], None, 1024), ([5, 70, 33, 3], None, 3001), ([17, 3], 1100, 2500)],
    ids=str,
)
def test_huge_batches(sizes: list[int], batch: int | None, rows: int, dtype: str) -> None:
    """A batch of a thousand rows or more goes through the network in another order than a small one."""
    check_epoch(make_plan(sizes, "tanh", batch=batch, dtype=dtype, weight_decay=0.1), rows, 0.5)


@pytest.mark.parametrize(("optimizer", "parameters"), STEPPING)
def test_huge_batches_with_every_optimizer(optimizer: Component, parameters: dict[str, Any]) -> None:
    check_epoch(make_plan([4, 6, 3], optimizer=optimizer.name, batch=1024, **parameters), 4096, 0.01)


def test_huge_batches_of_a_large_network() -> None:
    """More than a million parameters: fewer groups of rows, whose gradients take memory."""
    check_epoch(make_plan([9, 1040, 1030, 2], "relu", dtype="float32"), 1030, 0.05)


def test_biases_start_by_their_initializer() -> None:
    half, uniform = configured("initializer", "constant", value=0.5), configured("initializer", "lecun_uniform")
    made = make_plan([4, 30, 2], between=[{"bias_init": uniform}, {"bias_init": half}])
    with Engine(made, 1) as engine:
        engine.initialize(0)
        (_, first), (_, second) = weights_of(engine)
    assert len(set(first.tolist())) == 30
    assert np.abs(first).max() <= np.sqrt(3 / 4)
    assert (second == 0.5).all()
