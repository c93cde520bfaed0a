"""An engine that is given other rows trains as a new one does; for as many rows it keeps its tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from numbann.components.built_in import built_in
from numbann.engine.cpu.engine import Engine
from numbann.network.description import Course, Dense, Network
from numbann.network.plan import build

get = built_in().configured
RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((120, 5))
T = RANDOM.standard_normal((120, 2))
WEIGHT = RANDOM.uniform(0, 2, 60)
GROUP = np.arange(60) // 4
NETWORK = Network(
    inputs=5,
    layers=(Dense(8, get("activation", "tanh"), dropout=0.2), Dense(2)),
    loss=get("loss", "mse"),
    optimizer=get("optimizer", "adam"),
    batch_size=16,
    dtype="float64",
)
LOADS = {  # what is loaded first, then what trains, and whether the tables stay
    "other rows": ({}, {}, True),
    "other weights": ({"weight": WEIGHT}, {"weight": WEIGHT[::-1]}, True),
    "some rows": ({"rows": np.arange(30)}, {"rows": np.arange(30, 60)}, True),
    "fewer rows": ({}, {"rows": np.arange(40)}, False),
    "weights at last": ({}, {"weight": WEIGHT}, False),
    "groups": ({"group": GROUP}, {"group": GROUP[::-1].copy()}, False),
}
PLANS = {
    "plain": NETWORK,
    "courses": replace(NETWORK, courses={"layers.0.dropout": Course(get("schedule", "constant"))}),
    "matrices": replace(NETWORK, optimizer=get("optimizer", "lamb")),
    "huge batches": replace(NETWORK, batch_size=None),
}


@pytest.mark.parametrize("case", LOADS)
@pytest.mark.parametrize("network", PLANS)
def test_other_rows_train_as_in_a_new_engine(network, case, monkeypatch):
    monkeypatch.setattr("numbann.engine.cpu.engine.HUGE", 50)
    first, then, kept = LOADS[case]
    plan, found = build(PLANS[network]), []
    for again in (True, False):
        with Engine(plan, 2, exactly=True) as engine:
            if again:
                engine.load_data(X[:60], T[:60], **first)
                tables = engine._training.calls
                engine.initialize(1)
                engine.epoch(0, np.full(engine._training.epochs.steps, 0.1))
            engine.load_data(X[60:], T[60:], **then)
            assert not again or (engine._training.calls is tables) == kept
            engine.initialize(0)
            steps = engine._training.epochs.steps
            numbers = {"layers.0.dropout": np.linspace(0, 0.5, steps)} if network == "courses" else {}
            engine.epoch(1, np.full(steps, 0.01), numbers=numbers)
            found.append((engine.step_losses(), engine.parameters(), engine.state()))
    for once, anew in zip(*found, strict=True):
        np.testing.assert_equal(once, anew)
