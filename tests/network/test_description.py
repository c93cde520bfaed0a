"""Descriptions: a network in components alone, in a few lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks import configured

from numbann.engine.cpu.engine import Engine
from numbann.errors import ShapeError
from numbann.network.description import Dense, Network
from numbann.network.plan import build
from numbann.network.steps import Product


def test_what_is_left_out_is_what_the_components_ask_for() -> None:
    hidden = Dense(8, configured("activation", "relu"))
    loss, adam = configured("loss", "softmax_cross_entropy"), configured("optimizer", "adam")
    plan = build(Network(inputs=4, layers=(hidden, Dense(3)), loss=loss, optimizer=adam))
    products = [layer.training.step(Product) for layer in plan.layers]
    assert [product.init.name for product in products if product] == ["he_normal", "xavier_normal"]
    assert plan.link is not None
    assert (plan.link.name, plan.target, plan.dtype, plan.batch_size) == ("softmax", "label", "float32", None)


def test_it_trains_without_a_spec() -> None:
    layers = Dense(8, configured("activation", "tanh"), norm="layer", dropout=0.1), Dense(1)
    loss, adam = configured("loss", "mse"), configured("optimizer", "adam")
    plan = build(Network(inputs=2, layers=layers, loss=loss, optimizer=adam, batch_size=16))
    x = np.random.default_rng(0).standard_normal((64, 2), np.float32)
    with Engine(plan, 1) as engine:
        engine.initialize(0)
        engine.load_data(x, x[:, :1] * x[:, 1:])
        losses = [engine.epoch(k, np.full(4, 0.01)) for k in range(50)]
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ({"dtype": "float16"}, "dtype 'float16' is unknown; give float32 or float64"),
        ({"layers": ()}, "one layer or more"),
        ({"layers": (Dense(0),)}, "a unit or more"),
        ({"layers": (Dense(2, norm="lyer"), Dense(1))}, 'the norm None, "layer" or "batch"'),
    ],
)
def test_what_no_plan_can_be_built_from(network: dict[str, Any], words: str) -> None:
    loss, adam = configured("loss", "mse"), configured("optimizer", "adam")
    with pytest.raises(ShapeError, match=words):
        build(Network(**{"inputs": 2, "layers": (Dense(1),), "loss": loss, "optimizer": adam, **network}))
