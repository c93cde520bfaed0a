"""Optimizers in plain NumPy in the engine: whole matrices after each step, and solvers around whole epochs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import reference
from networks import flat, make_data, make_engine, make_plan, same_bytes, set_weights, weights_of

from numbann.components.built_in import built_in
from numbann.components.component import Origin
from numbann.components.declare import optimizer
from numbann.components.parameter import Positive
from numbann.components.registry import Registry
from numbann.engine.cpu.engine import Engine
from numbann.network import plan

EVERY = {"clip_norm": 0.1, "clip_value": 0.02, "l1": 0.01, "average": 0.75}


@optimizer(form="matrix", name="adam")
def adam_of_matrices(
    w, g, m, v, step, learning_rate: Positive = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
):
    """Adam: as the elementwise one, on whole matrices."""
    assert w.ndim == g.ndim == m.ndim == v.ndim == 2
    w[:], m[:], v[:] = reference.adam_step(w, g, m, v, step, learning_rate, beta1, beta2, epsilon)


def registry_of(component: Any) -> Registry:
    """A registry with one component."""
    registry = Registry()
    registry.register(component, Origin("test", "", "test"))
    return registry


def trained(made: plan.Plan, rows: int, threads: int = 1, epochs: int = 2, rate: float = 0.01) -> tuple[Any, ...]:
    """Losses, weights and predictions after some epochs."""
    engine, x, _ = make_engine(made, rows, threads)
    with engine:
        steps = -(-rows // made.batch_rows(rows))
        losses = [engine.epoch(epoch, np.full(steps, rate)) for epoch in range(epochs)]
        return losses, weights_of(engine), engine.predict(x)


# ---- whole matrices


@pytest.mark.parametrize("settings", [{}, *({name: value} for name, value in EVERY.items()), EVERY], ids=str)
@pytest.mark.parametrize(("batch", "rows"), [(7, 23), (1100, 2500)])
def test_matrices_move_as_their_elements_would(batch: int, rows: int, settings: dict[str, float]) -> None:
    sizes = [5, 70, 33, 3]
    expected = trained(make_plan(sizes, optimizer="adam", batch=batch, weight_decay=0.1, **settings), rows)
    made = make_plan(
        sizes, optimizer="adam", batch=batch, weight_decay=0.1, optimizers=registry_of(adam_of_matrices), **settings
    )
    assert made.optimizer.component.form == "matrix"
    got = trained(made, rows)
    assert got[0] == pytest.approx(expected[0], rel=1e-9)
    np.testing.assert_allclose(flat(got[1]), flat(expected[1]), rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(got[2], expected[2], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("batch", [7, 1500])
def test_lamb_with_any_number_of_threads(batch: int) -> None:
    sizes = [20, 330, 130, 10]
    made = make_plan(sizes, "relu", "softmax_cross_entropy", "lamb", batch=batch, dtype="float32", **EVERY)
    expected = trained(made, 3 * batch + 5)
    for threads in (2, 3):
        losses, weights, predictions = trained(made, 3 * batch + 5, threads)
        assert losses == expected[0]
        assert same_bytes(weights, expected[1])
        assert predictions.tobytes() == expected[2].tobytes()


# ---- solvers


@pytest.mark.parametrize("weighted", [False, True])
def test_lbfgs_finds_the_minimum_of_logistic_regression(weighted: bool) -> None:
    """As scikit-learn does; its C is 1 / (weight_decay sum of weights), a column of ones the bias, decayed too."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    random = np.random.default_rng(0)
    x = random.standard_normal((300, 6))
    label = (x @ random.standard_normal((6, 3)) + random.standard_normal((300, 3))).argmax(1)
    weight, decay = random.uniform(0, 2, 300) if weighted else np.ones(300), 0.02
    made = make_plan([6, 3], loss="softmax_cross_entropy", optimizer="lbfgs", weight_decay=decay, tolerance=1e-10)
    with Engine(made, 1) as engine:
        engine.initialize(0)
        engine.load_data(x, label, weight if weighted else None)
        losses = [engine.epoch(epoch, np.ones(1)) for epoch in range(100)]
        w, b = weights_of(engine)[0]
        loss, predictions = engine.evaluate(x, label, weight)
    assert loss == pytest.approx(losses[-1], rel=1e-12)
    assert losses[-1] == losses[-2]  # it has ended
    c = 1 / (decay * weight.sum())
    model = linear_model.LogisticRegression(C=c, fit_intercept=False, tol=1e-12, max_iter=10_000)
    model.fit(np.hstack([x, np.ones((300, 1))]), label, weight)
    expected = model.predict_proba(np.hstack([x, np.ones((300, 1))]))
    np.testing.assert_allclose(predictions, expected, atol=1e-6)
    np.testing.assert_allclose(np.vstack([w, b]), model.coef_.T, atol=1e-6)


def test_lbfgs_comes_as_far_down_as_scikit_learn() -> None:
    """On a network with many minima, from weights of its own; scikit-learn's alpha is the rows times weight_decay."""
    neural_network = pytest.importorskip("sklearn.neural_network")
    random = np.random.default_rng(0)
    x = random.standard_normal((200, 4))
    label = (np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] > 0).astype(np.int64)
    made = make_plan([4, 12, 2], loss="softmax_cross_entropy", optimizer="lbfgs", weight_decay=0.005)
    with Engine(made, 1) as engine:
        engine.initialize(0)
        engine.load_data(x, label)
        for epoch in range(200):
            engine.epoch(epoch, np.ones(1))
        loss, _ = engine.evaluate(x, label)
        penalty = 0.0025 * (flat(weights_of(engine)) ** 2).sum()
    other = neural_network.MLPClassifier((12,), "tanh", solver="lbfgs", alpha=1.0, max_iter=200, random_state=0)
    other.fit(x, label)
    assert loss + penalty < 1.05 * other.loss_


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [100, 2000])
def test_lbfgs_in_an_engine(rows: int, dtype: str) -> None:
    """The loss of an epoch is that of the weights after it, it never rises, and no thread changes a bit."""
    made = make_plan([5, 9, 3], optimizer="lbfgs", dtype=dtype, weight_decay=1e-3)
    engine, x, t = make_engine(made, rows)
    with engine:
        before = engine.evaluate(x, t)[0]
        for epoch in range(20):
            loss = engine.epoch(epoch, np.ones(1))
            assert loss == pytest.approx(engine.evaluate(x, t)[0], rel=1e-6)
        assert engine.steps_done == 20
        assert loss < 0.97 * before
        weights = weights_of(engine)
    for threads in (2, 3):
        assert same_bytes(trained(made, rows, threads, 20, 1.0)[1], weights)


def test_epochs_after_the_end_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_plan([3, 2], optimizer="lbfgs", tolerance=1e-3)
    engine, _, _ = make_engine(made, 50)
    with engine:
        losses = [engine.epoch(epoch, np.ones(1)) for epoch in range(30)]
        monkeypatch.setattr(engine, "_run", None)
        assert engine.epoch(30, np.ones(1)) == losses[-1]


class Rows:
    """Rows that come block by block."""

    def __init__(self, x: np.ndarray) -> None:
        self._x = x

    def __len__(self) -> int:
        return len(self._x)

    def take(self, places: np.ndarray, out: np.ndarray) -> None:
        """The rows at these places."""
        out[:] = self._x[places]


@pytest.mark.parametrize(("name", "batch"), [("lamb", 7), ("lbfgs", None)])
def test_rows_from_a_stream(name: str, batch: int | None) -> None:
    made = make_plan([20, 33, 3], optimizer=name, batch=batch, dtype="float32")
    x, t = make_data(made, 50)
    weights = []
    for rows in (x, Rows(x)):
        with Engine(made, 1) as engine:
            engine.initialize(0)
            engine.load_data(rows, t)
            for epoch in range(3):
                engine.epoch(epoch, np.ones(-(-50 // (batch or 50))))
            weights.append(weights_of(engine))
    assert same_bytes(*weights)


@pytest.mark.parametrize(
    ("name", "batch", "settings"), [("lamb", 7, EVERY), ("lamb", 1024, {}), ("lbfgs", None, {"weight_decay": 0.01})]
)
def test_a_restored_state_continues_bit_for_bit(name: str, batch: int | None, settings: dict[str, float]) -> None:
    made = make_plan([20, 33, 10], "tanh", "mse", name, batch=batch, dtype="float32", **settings)
    rows = 3 * (batch or 50) + 1
    rates = np.full(-(-rows // made.batch_rows(rows)), 1.0 if name == "lbfgs" else 0.01)
    engine, x, t = make_engine(made, rows)
    with engine:
        for epoch in range(4):
            engine.epoch(epoch, rates)
        weights, state = weights_of(engine), engine.state()
        expected = [(engine.epoch(epoch, rates), weights_of(engine)) for epoch in range(4, 8)]
    with Engine(made, 1) as other:
        other.load_data(x, t)
        set_weights(other, weights)
        other.restore(state)
        for epoch, (loss, after) in enumerate(expected, start=4):
            assert other.epoch(epoch, rates) == loss
            assert same_bytes(weights_of(other), after)


def test_every_optimizer_is_tried_somewhere() -> None:
    """Forms other than elementwise have tests by name, here and in tests/mathematics/optimizers."""
    others = {each.component.name for each in built_in().entries("optimizer") if each.component.form != "elementwise"}
    assert others == {"lamb", "lbfgs"}
