"""The same bits for any number of threads, for every run, and across a saved state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks import flat, make_data, make_engine, make_plan, same_bytes, set_weights, weights_of, width_of
from processes import NARROW as LEAST
from processes import run
from variants import variants

from numbann.components.component import Component
from numbann.engine.cpu.engine import Engine
from numbann.network import plan
from numbann.simd.machine import WIDE as WIDE_REGISTERS

WIDE = [20, 330, 130, 10]  # the first layer has a panel of columns for each of several threads
NARROW = [20, 33, 17, 10]
Weights = list[tuple[np.ndarray, np.ndarray]]


def trained(
    made: plan.Plan, threads: int | str, rows: int = 77, epochs: int = 2, rate: float = 0.01
) -> tuple[list[float], Weights, np.ndarray]:
    """Losses, weights and predictions after some epochs."""
    engine, x, _ = make_engine(made, rows, threads)
    with engine:
        steps = -(-rows // (made.batch_size or rows))
        losses = [engine.epoch(epoch, np.full(steps, rate)) for epoch in range(epochs)]
        return losses, weights_of(engine), engine.predict(x)


@pytest.mark.parametrize("batch", [7, 32, None])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [NARROW, WIDE], ids=str)
def test_any_number_of_threads(sizes: list[int], dtype: str, batch: int | None) -> None:
    made = make_plan(sizes, "relu", "softmax_cross_entropy", "adam", batch=batch, dtype=dtype)
    losses, weights, predictions = trained(made, 1)
    for threads in (2, 3):
        other_losses, other_weights, other_predictions = trained(made, threads)
        assert other_losses == losses
        assert same_bytes(other_weights, weights)
        assert other_predictions.tobytes() == predictions.tobytes()


@pytest.mark.parametrize("sizes", [NARROW, WIDE], ids=str)
def test_any_number_of_threads_for_huge_batches(sizes: list[int]) -> None:
    made = make_plan(sizes, "relu", "softmax_cross_entropy", "adam", batch=1500, dtype="float32")
    expected = trained(made, 1, rows=4000)
    for threads in (2, 3):
        losses, weights, _ = trained(made, threads, rows=4000)
        assert losses == expected[0]
        assert same_bytes(weights, expected[1])


@pytest.mark.parametrize(
    ("sizes", "activation", "loss", "batch"),
    [
        ([64, 32, 10], "relu", "softmax_cross_entropy", 32),
        ([784, 128, 10], "relu", "softmax_cross_entropy", 32),
        ([784, 256, 128, 10], "relu", "softmax_cross_entropy", 128),
        ([784, 1024, 1024, 10], "relu", "softmax_cross_entropy", 256),
        ([32, 64, 64, 64, 2], "relu", "softmax_cross_entropy", 64),
        ([4, 32, 16, 4], "tanh", "mse", 2000),
    ],
    ids=str,
)
def test_the_networks_of_the_benchmarks(sizes: list[int], activation: str, loss: str, batch: int) -> None:
    made = make_plan(sizes, activation, loss, "adam", batch=batch, dtype="float32")
    expected = trained(made, 1, rows=2 * batch + 3)
    for threads in (2, 3, 4):
        losses, weights, predictions = trained(made, threads, rows=2 * batch + 3)
        assert losses == expected[0]
        assert same_bytes(weights, expected[1])
        assert predictions.tobytes() == expected[2].tobytes()


@pytest.mark.parametrize("sizes", [NARROW, [20, 130, 330, 10], [20, 700, 700, 10]], ids=str)
def test_threads_chosen_by_the_engine(sizes: list[int]) -> None:
    """It times them while it trains, which leaves no trace."""
    made = make_plan(sizes, "relu", "softmax_cross_entropy", "adam", batch=32, dtype="float32")
    losses, weights, predictions = trained(made, "auto")
    expected = trained(made, 1)
    assert losses == expected[0]
    assert same_bytes(weights, expected[1])
    assert predictions.tobytes() == expected[2].tobytes()


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "elu", "softmax"])
def test_any_number_of_threads_for_curved_activations(activation: str) -> None:
    made = make_plan(NARROW, activation, "soft_cross_entropy", "rmsprop", batch=16, dtype="float32", centered=True)
    assert same_bytes(trained(made, 1)[1], trained(made, 3)[1])


@pytest.mark.parametrize(("component", "values"), [*variants("activation"), *variants("loss"), *variants("optimizer")])
def test_any_number_of_threads_for_every_component(component: Component, values: dict[str, Any]) -> None:
    chosen = {component.kind: component.name, **(values if component.kind == "optimizer" else {})}
    width = width_of(component.name, 10) if component.kind == "loss" else 10
    made = make_plan([20, 33, width], batch=16, weight_decay=0.01, **chosen)
    losses, weights, predictions = trained(made, 1, rate=1e-4)
    other_losses, other_weights, other_predictions = trained(made, 3, rate=1e-4)
    assert other_losses == losses
    assert same_bytes(other_weights, weights)
    assert other_predictions.tobytes() == predictions.tobytes()


def test_two_runs() -> None:
    made = make_plan(NARROW, "tanh", "mse", "adam", batch=16, dtype="float32")
    assert same_bytes(trained(made, 2)[1], trained(made, 2)[1])


def test_seeds_differ() -> None:
    drawn = []
    for seed in (0, 1):
        with Engine(make_plan(NARROW, seed=seed), 1) as engine:
            engine.initialize(seed)
            drawn.append(weights_of(engine))
    assert not same_bytes(*drawn)


def test_rows_do_not_influence_each_other() -> None:
    """A row's prediction has the same bits alone, in a batch, and among so many that they go in pieces."""
    made = make_plan(WIDE, "tanh", "softmax_cross_entropy", dtype="float32")
    x, _ = make_data(made, 1100)
    with Engine(made, 2) as engine:
        engine.initialize(0)
        together = engine.predict(x)
        for row in (0, 5, 511, 512, 1099):
            assert engine.predict(x[row : row + 1]).tobytes() == together[row].tobytes()
        assert engine.predict(x[3:40]).tobytes() == together[3:40].tobytes()


@pytest.mark.parametrize(
    ("optimizer", "parameters"),
    [("sgd", {}), ("sgd", {"momentum": 0.9}), ("adam", {}), ("rmsprop", {"centered": True, "momentum": 0.9})],
    ids=str,
)
def test_a_restored_state_continues_bit_for_bit(optimizer: str, parameters: dict[str, Any]) -> None:
    made = make_plan(NARROW, "relu", "mse", optimizer, batch=16, dtype="float32", weight_decay=0.01, **parameters)
    rates = np.full(4, 0.01)
    engine, x, t = make_engine(made, 50)
    with engine:
        engine.epoch(0, rates)
        weights, state = weights_of(engine), engine.state()
        expected_loss, expected = engine.epoch(1, rates), weights_of(engine)
    with Engine(made, 1) as other:
        other.load_data(x, t)
        set_weights(other, weights)
        other.restore(state)
        assert other.epoch(1, rates) == expected_loss
        assert same_bytes(weights_of(other), expected)
        assert other.steps_done == 8


def test_a_state_holds_what_the_optimizer_keeps() -> None:
    """A state whose parameter is zero is not stored; the others have the shapes of the weights."""
    kept = {(): ["v"], (("centered", True),): ["v", "mean"], (("momentum", 0.5),): ["v", "buffer"]}
    for parameters, names in kept.items():
        engine, _, _ = make_engine(make_plan([4, 3, 2], optimizer="rmsprop", **dict(parameters)), 5)
        with engine:
            engine.epoch(0, np.full(1, 0.1))
            state = engine.state()
        assert int(state.pop("steps")[0]) == 1
        assert set(state) == {
            f"{name}.layers.{k}.{part}" for k in (0, 1) for part in ("weight", "bias") for name in names
        }
        assert state["v.layers.0.weight"].shape == (4, 3)
        assert state["v.layers.1.bias"].shape == (2,)
        assert all(np.abs(values).max() > 0 for values in state.values())


def test_initialize_starts_over() -> None:
    """Weights are drawn again, biases and states are zero, and steps count from 1."""
    made = make_plan([4, 3, 2], optimizer="adam", batch=2)
    engine, _, _ = make_engine(made, 6)
    with engine:
        engine.initialize(0)
        first = weights_of(engine)
        engine.epoch(0, np.full(3, 0.1))
        once = flat(weights_of(engine))
        engine.initialize(0)
        assert same_bytes(weights_of(engine), first)
        assert all((b == 0).all() for _, b in first)
        assert all((values == 0).all() for values in engine.state().values())
        engine.epoch(0, np.full(3, 0.1))
        assert flat(weights_of(engine)).tobytes() == once.tobytes()


@pytest.mark.slow
@pytest.mark.skipif(not WIDE_REGISTERS, reason="the processor has no AVX-512")
@pytest.mark.parametrize("case", [("gelu",), ("gelu", "float64"), ("sine",), ("sine", "float64"), ("mish", "float64")])
def test_processors_with_narrow_registers(case: tuple[str, ...]) -> None:
    """Only for AVX-512 LLVM folds a selection of 0 into an addition, so a formula must not add one to a product."""
    given = ("train_once.py", "", *case)
    wide, narrow = run(*given), run(*given, **LEAST)
    assert narrow["digest"] == wide["digest"]


@pytest.mark.slow
@pytest.mark.skipif(not WIDE_REGISTERS, reason="the processor has no AVX-512")
def test_quotients_by_roots_differ_a_little_between_processors() -> None:
    """They begin with the processor's own estimate: in the derivative of squareplus and in adadelta."""
    given = ("train_once.py", "", "squareplus", "float32", "adadelta")
    wide, narrow = run(*given), run(*given, **LEAST)
    np.testing.assert_allclose(narrow["losses"], wide["losses"], rtol=1e-6)
