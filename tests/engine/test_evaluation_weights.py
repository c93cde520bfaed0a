"""Optimizers with weights of their own that predict, and the batch size as a role."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks import make_data, make_plan, same_bytes, same_tensors, weights_of

from numbann.components.component import Origin
from numbann.components.declare import freeze, optimizer
from numbann.components.parameter import Fraction
from numbann.components.registry import Registry
from numbann.engine.cpu.engine import Engine
from numbann.errors import PluginError, ShapeError
from numbann.network.plan import Plan
from numbann.plugins.functions import OptimizerFunction

SIZES = [5, 37, 3]


@optimizer(predicts="mean")
def averaged(w, g, buffer, mean, step, learning_rate=0.1, kept: Fraction = 0.75):
    """Averaged: momentum, of whose weights an average predicts, as with train.average."""
    share = 0 if step == 1 else kept
    buffer = 0.9 * buffer + g
    w = w - learning_rate * buffer
    return w, buffer, share * mean + (1 - share) * w


@optimizer(form="matrix", predicts="mean", shapes={"count": "1"})
def averaged_matrices(w, g, buffer, mean, count, learning_rate=0.1, kept: Fraction = 0.75):
    """Averaged: the same on matrices."""
    share = 0 if count[0] == 0 else kept
    count += 1
    buffer[:] = 0.9 * buffer + g
    w -= learning_rate * buffer
    mean[:] = share * mean + (1 - share) * w


def plan_of(function: Any, **settings: Any) -> Plan:
    """A network that the optimizer trains."""
    registry = Registry()
    registry.register(function, Origin("test", "", "test"))
    return make_plan(SIZES, optimizer=function.__name__, optimizers=registry, **settings)


def engine_of(made: Plan, rows: int, threads: int = 1) -> Engine:
    """An engine with data and initial weights."""
    engine = Engine(made, threads, exactly=True)
    engine.load_data(*make_data(made, rows))
    engine.initialize(0)
    return engine


def rates(made: Plan, rows: int) -> np.ndarray:
    """A rate for each step of an epoch."""
    return np.full(-(-rows // made.batch_rows(rows)), 0.05)


CASES: list[tuple[int, dict[str, Any]]] = [
    (23, {"batch": 7}),
    (23, {"batch": 7, "clip_norm": 0.1, "l1": 0.01, "weight_decay": 0.1, "between": [{"norm": "layer"}]}),
    (2500, {"batch": 1100}),
]


@pytest.mark.parametrize("function", [averaged, averaged_matrices])
@pytest.mark.parametrize(("rows", "settings"), CASES)
def test_the_state_predicts_as_an_average_does(function: Any, rows: int, settings: dict[str, Any]) -> None:
    with (
        engine_of(plan_of(function, **settings), rows) as engine,
        engine_of(make_plan(SIZES, optimizer="momentum", average=0.75, **settings), rows) as other,
    ):
        assert same_bytes(weights_of(engine), weights_of(other))
        for epoch in range(2):
            losses = [one.epoch(epoch, rates(one.plan, rows)) for one in (engine, other)]
            assert losses[0] == pytest.approx(losses[1], rel=1e-9)
        x, t = make_data(engine.plan, rows)
        for name, tensor in engine.parameters().items():
            np.testing.assert_allclose(tensor, other.parameters()[name], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(engine.predict(x), other.predict(x), rtol=1e-7, atol=1e-9)
        assert engine.evaluate(x, t)[0] == pytest.approx(other.evaluate(x, t)[0], rel=1e-9)
        trained = {name: tensor for name, tensor in engine.state().items() if name.startswith("trained.")}
        assert trained.keys() == {f"trained.{name}" for name in engine.plan.tensors}
        for name, tensor in trained.items():
            np.testing.assert_allclose(tensor, other.state()[name], rtol=1e-9, atol=1e-12)
        assert not any(name.startswith("mean.") for name in engine.state())


@pytest.mark.parametrize("function", [averaged, averaged_matrices])
def test_it_goes_on_bit_for_bit_with_any_number_of_threads(function: Any) -> None:
    made = plan_of(function, batch=8, dtype="float32")
    with engine_of(made, 61) as engine:
        engine.epoch(0, rates(made, 61))
        parameters, state = engine.parameters(), engine.state()
        engine.epoch(1, rates(made, 61))
        expected = {**engine.parameters(), **engine.state()}
    for threads in (1, 2):
        with engine_of(made, 61, threads) as other:
            other.set_parameters(parameters)
            other.restore(state)
            other.epoch(1, rates(made, 61))
            assert same_tensors({**other.parameters(), **other.state()}, expected)


def test_weights_that_are_set_are_those_that_train() -> None:
    with engine_of(plan_of(averaged), 20) as engine:
        engine.epoch(0, np.array([0.1]))
        engine.set_parameters(engine.parameters())
        assert same_tensors({f"trained.{name}": w for name, w in engine.parameters().items()}, trained_of(engine))


def trained_of(engine: Engine) -> dict[str, np.ndarray]:
    """The weights that train."""
    return {name: tensor for name, tensor in engine.state().items() if name.startswith("trained.")}


def test_an_average_of_them_is_refused() -> None:
    with pytest.raises(ShapeError, match='average: "averaged" predicts with weights of its own; leave average out'):
        plan_of(averaged, average=0.9)


@pytest.mark.parametrize("traits", [{"predicts": "n"}, {"predicts": "m", "optional": {"m": "beta"}}, {"predicts": "w"}])
def test_what_cannot_predict_is_refused(traits: dict[str, Any]) -> None:
    def wrong(w, g, m, learning_rate=0.1, beta=0.9):
        return w, m

    with pytest.raises(PluginError, match="must name a state that is always stored and has w's shape"):
        freeze(optimizer(**traits)(wrong))


@pytest.mark.parametrize("function", [averaged, averaged_matrices])
def test_as_a_function_the_state_starts_as_w(function: Any) -> None:
    w = np.ones((3, 2))
    chosen = OptimizerFunction(freeze(function).configured(), 0.0)
    state = chosen.init(w)
    assert (state["mean"] == 1).all()
    for _ in range(2):
        chosen.step(w, np.ones((3, 2)), state)
    np.testing.assert_allclose(state["mean"], 0.75 * 0.9 + 0.25 * w)


# ---- the batch size


@optimizer
def counts(w, g, seen, batch_size, learning_rate=0.1):
    """Counts: descent along the sum of the rows' gradients; seen is the last batch's size."""
    return w - learning_rate * batch_size * g, batch_size


@pytest.mark.parametrize(("rows", "batch"), [(23, 8), (5, None), (2500, 1100)])
def test_a_step_knows_the_rows_of_its_batch(rows: int, batch: int | None) -> None:
    made = plan_of(counts, batch=batch)
    with engine_of(made, rows) as engine:
        steps = len(rates(made, rows))
        engine.epoch(0, np.full(steps, 1e-4))
        state = engine.state()
    last = rows - (batch or rows) * (steps - 1)
    for name in made.tensors:
        assert set(state[f"seen.{name}"].flat) == {float(last)}


def test_as_a_function_it_is_told_the_size() -> None:
    w = np.ones(3)
    chosen = OptimizerFunction(freeze(counts).configured(), 0.0)
    state = chosen.init(w)
    chosen.step(w, np.ones(3), state)
    chosen.step(w, np.ones(3), state, batch_size=4)
    np.testing.assert_allclose(w, 0.5)
    assert (state["seen"] == 4).all()
