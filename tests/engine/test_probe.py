"""Probing a network: slopes and gradients are those of training, and the network stays unchanged."""

from __future__ import annotations

import numpy as np
import pytest
from networks import make_data, make_engine, make_plan, twin, weights_of

NETWORKS = [
    {"sizes": [5, 17, 3]},
    {"sizes": [4, 70, 6, 2], "activation": "relu", "loss": "huber"},
    {"sizes": [3, 8, 3], "activation": "softmax", "loss": "softmax_cross_entropy"},
    {"sizes": [3, 1], "loss": "sigmoid_cross_entropy"},
    {"sizes": [3, 4, 2], "output": "tanh"},
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_the_gradient_is_that_of_a_step(network: dict, weighted: bool) -> None:
    """A step of plain descent with rate 1 over the same rows, weighted alike, moves the weights by the gradient."""
    engine, x, t = make_engine(make_plan(**network), 41, threads=2)
    weight = np.random.default_rng(0).random(41) if weighted else None
    with engine:
        engine.load_data(x, t, weight)
        before, facts = weights_of(engine), engine.probe(x, t, weight)
        engine.epoch(0, np.ones(1))
        for (w, b), (w_after, b_after), fact in zip(before, weights_of(engine), facts, strict=True):
            np.testing.assert_allclose(fact.dw, w - w_after, rtol=1e-9, atol=1e-14)
            np.testing.assert_allclose(fact.db, b - b_after, rtol=1e-9, atol=1e-14)


def test_slopes() -> None:
    engine, x, t = make_engine(make_plan([5, 17, 9, 3], "sigmoid"), 41)
    with engine:
        first, second, last = engine.probe(x, t)
        for fact, layer in zip((first, second), twin(engine), strict=False):
            x = layer.activation(x @ layer.w + layer.b)
            np.testing.assert_allclose(fact.slopes, x * (1 - x), rtol=1e-9)
        assert last.slopes is None


def test_an_output_that_depends_on_every_z_has_no_slope() -> None:
    engine, x, t = make_engine(make_plan([3, 8, 3], "softmax"), 10)
    with engine:
        assert engine.probe(x, t)[0].slopes is None


@pytest.mark.parametrize("rows", [50, 1100])
def test_looking_changes_no_bit(rows: int) -> None:
    made = make_plan([5, 70, 3], optimizer="adam", batch=None if rows > 1000 else 8, dtype="float32")
    seen = []
    for looks in (False, True):
        engine, x, t = make_engine(made, rows, threads=2)
        with engine:
            for epoch in range(3):
                engine.epoch(epoch, np.full(-(-rows // made.batch_rows(rows)), 0.01))
                if looks:
                    engine.probe(x[:30], t[:30])
            seen.append(weights_of(engine))
    for (w, b), (other_w, other_b) in zip(*seen, strict=True):
        np.testing.assert_array_equal(w, other_w)
        np.testing.assert_array_equal(b, other_b)


def test_the_bits_do_not_depend_on_threads() -> None:
    made = make_plan([5, 130, 70, 3], dtype="float32")
    found = []
    for threads in (1, 3):
        engine, x, t = make_engine(made, 101, threads)
        with engine:
            engine.probe(*make_data(made, 101, seed=5))  # what an earlier look has left does not matter
            found.append(engine.probe(x, t))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one.dw, other.dw)
        np.testing.assert_array_equal(one.db, other.db)
        assert one.slopes is None or (one.slopes == other.slopes).all()


def test_a_second_engine_compiles_nothing() -> None:
    for expected in (None, 0):
        engine, x, t = make_engine(make_plan([5, 4, 3], "elu", dtype="float32"), 9)
        with engine:
            engine.probe(x, t)
            assert expected is None or engine.compiled == expected
