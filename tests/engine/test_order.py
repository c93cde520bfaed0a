"""An epoch in an order that is given."""

from __future__ import annotations

import numpy as np
import pytest

from numbann.components.built_in import built_in
from numbann.engine.devices import make_engine
from numbann.errors import ShapeError
from numbann.network.description import Dense, Network
from numbann.network.plan import build

X = np.random.default_rng(0).standard_normal((50, 3))
T = X[:, :1] * X[:, 1:2]
WEIGHT = np.random.default_rng(1).uniform(0, 2, 50)
get = built_in().configured
PLAN = build(
    Network(
        inputs=3,
        layers=(Dense(8, get("activation", "tanh")), Dense(1)),
        loss=get("loss", "mse"),
        optimizer=get("optimizer", "adam"),
        batch_size=16,
        dtype="float64",
    )
)


def trained(x, t, order, weight=None, rows=None):
    """The parameters and the losses of the steps after an epoch in an order."""
    with make_engine(PLAN, threads=1) as engine:
        engine.load_data(x, t, weight, rows)
        engine.initialize(0)
        engine.epoch(0, np.full(4, 0.01), order=order)
        return engine.parameters(), engine.step_losses()


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_the_rows_come_in_the_order_given(weight):
    order = np.random.default_rng(2).permutation(50)
    found, losses = trained(X, T, order, weight)
    placed = None if weight is None else weight[order]
    expected, expected_losses = trained(X[order], T[order], np.arange(50), placed)
    np.testing.assert_array_equal(losses, expected_losses)
    for name, tensor in expected.items():
        np.testing.assert_array_equal(found[name], tensor)


def test_an_order_of_some_rows_has_their_own_numbers():
    x, t = (np.concatenate([one, one]) for one in (X, T))
    found, _ = trained(x, t, np.arange(99, 49, -1), rows=np.arange(50, 100))
    expected, _ = trained(X, T, np.arange(49, -1, -1))
    for name, tensor in expected.items():
        np.testing.assert_array_equal(found[name], tensor)


@pytest.mark.parametrize("order", [np.arange(49), np.arange(1, 51), np.arange(-1, 49)])
def test_an_order_of_other_rows_is_refused(order):
    with pytest.raises(ShapeError, match="order: give the numbers of 50 rows, each below 50"):
        trained(X, T, order)


def test_batches_of_whole_groups_take_no_order():
    with make_engine(PLAN, threads=1) as engine:
        engine.load_data(X, T, group=np.arange(50) // 5)
        engine.initialize(0)
        with pytest.raises(ShapeError, match="whole groups"):
            engine.epoch(0, np.full(4, 0.01), order=np.arange(50))
