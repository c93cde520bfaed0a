"""Optimizers in matrix form: states of any shape, sums over the whole network, and what a step may ask for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks import make_data, make_plan, same_bytes, same_tensors, weights_of

from numbann.components.component import Origin
from numbann.components.declare import freeze, optimizer
from numbann.components.registry import Registry
from numbann.engine.cpu.engine import Engine
from numbann.errors import PluginError, ShapeError, TrainingError
from numbann.network.plan import Plan
from numbann.plugins.functions import OptimizerFunction

SIZES, ROWS, BATCH = [5, 7, 3], 23, 8
RATES = np.full(3, 0.1)
SHAPES = {"left": "II", "right": "OO", "rows": "I1", "columns": "1O", "total": "1"}


@optimizer(form="matrix", shapes=SHAPES)
def five(w, g, m, left, right, rows, columns, total, step, learning_rate=0.1):
    """Five: w - learning_rate m, m a mean of g that states of five shapes scale."""
    left += g @ g.T
    right += g.T @ g
    rows += (g * g).sum(1, keepdims=True)
    columns += (g * g).sum(0, keepdims=True)
    total += np.trace(left) + np.trace(right)
    assert total.shape == (1,)
    m += 0.1 * (g - m)
    w -= learning_rate * m / np.sqrt(rows * columns / total + 1e-3)


@optimizer(form="matrix")
def unit_of_all(w, g, learning_rate=0.1):
    """Unit step: w - learning_rate g / |g|, |g| the norm of the whole network's gradient."""
    square, count = yield (g * g).sum(), g.size
    w -= learning_rate * g / (square / count) ** 0.5


def plan_of(function: Any, **settings: Any) -> Plan:
    """A network that the optimizer trains, with a norm, whose scale and shift are vectors."""
    registry = Registry()
    registry.register(function, Origin("test", "", "test"))
    given = {"batch": BATCH, "between": [{"norm": "layer"}], **settings}
    return make_plan(SIZES, optimizer=function.__name__, optimizers=registry, **given)


def engine_of(made: Plan, threads: int = 1) -> Engine:
    """An engine with data and initial weights."""
    engine = Engine(made, threads, exactly=True)
    x, t = make_data(made, ROWS)
    engine.load_data(x, t)
    engine.initialize(0)
    return engine


def test_states_have_the_shapes_that_were_declared() -> None:
    with engine_of(plan_of(five)) as engine:
        state = engine.state()
        shapes = {name: array.shape for name, array in state.items() if name.split(".")[0] in SHAPES}
    assert len(shapes) == 5 * 6  # of two weights, two biases, scale and shift
    assert [shapes[f"{state}.layers.0.weight"] for state in SHAPES] == [(5, 5), (7, 7), (5, 1), (1, 7), (1,)]
    assert [shapes[f"{state}.layers.1.bias"] for state in SHAPES] == [(1, 1), (3, 3), (1, 1), (1, 3), (1,)]
    assert shapes["right.layers.0.norm.scale"] == (7, 7)
    assert state["m.layers.1.bias"].shape == (3,)


@pytest.mark.parametrize("settings", [{}, {"average": 0.9, "dtype": "float32"}], ids=str)
def test_states_go_on_bit_for_bit_and_snapshots_stay(settings: dict[str, Any]) -> None:
    made = plan_of(five, **settings)
    with engine_of(made) as engine:
        engine.epoch(0, RATES)
        kept = engine.snapshot()
        parameters, state = engine.parameters(), engine.state()
        engine.epoch(1, RATES)
        expected, after = weights_of(engine), engine.state()
    assert not same_tensors(state, after)
    assert same_tensors(kept.state(), state)
    assert {array.dtype for name, array in state.items() if name != "steps"} == {np.dtype(made.dtype)}
    with engine_of(made) as other:
        other.epoch(0, RATES)  # something to overwrite
        other.set_parameters(parameters)
        other.restore(state)
        other.epoch(1, RATES)
        assert same_bytes(weights_of(other), expected)
        assert same_tensors(other.state(), after)
        other.initialize(0)
        assert not any(array.any() for name, array in other.state().items() if name.split(".")[0] in SHAPES)


def test_what_is_yielded_is_summed_over_the_network() -> None:
    made = plan_of(unit_of_all, batch=None)
    with engine_of(made) as engine:
        x, t = make_data(made, ROWS)
        before = engine.parameters()
        facts = engine.probe(x, t)
        engine.epoch(0, np.array([0.1]))
        after = engine.parameters()
    norms = [after[name] - before[name] for name in before]
    assert sum((part**2).sum() for part in norms) == pytest.approx(0.01 * made.parameters)
    moved = [(facts[k].dw, before[f"layers.{k}.weight"] - after[f"layers.{k}.weight"]) for k in range(2)]
    factors = np.concatenate([(step / g).ravel() for g, step in moved])
    np.testing.assert_allclose(factors, factors[0], rtol=1e-7)


@pytest.mark.parametrize("function", [five, unit_of_all])
def test_no_thread_changes_a_bit(function: Any) -> None:
    found = []
    for threads in (1, 3):
        with engine_of(plan_of(function, dtype="float32"), threads) as engine:
            for epoch in range(3):
                engine.epoch(epoch, RATES)
            found.append({**engine.parameters(), **engine.state()})
    assert same_tensors(*found)


def test_a_step_knows_its_batch_and_its_layer() -> None:
    @optimizer(form="matrix", shapes={"seen": "1", "place": "1", "of": "1"})
    def asks(w, g, seen, place, of, batch_size, layer, layers, learning_rate=0.1):
        seen[:], place[:], of[:] = batch_size, layer, layers

    made = plan_of(asks, input_scale=True)
    with engine_of(made) as engine:
        engine.epoch(0, RATES)
        state = engine.state()
    assert {float(state[f"seen.{name}"][0]) for name in made.tensors} == {ROWS % BATCH}
    assert {float(state[f"of.{name}"][0]) for name in made.tensors} == {2.0}
    places = {name: int(state[f"place.{name}"][0]) for name in made.tensors}
    assert places["input.scale"] == places["layers.0.norm.shift"] == places["layers.0.weight"] == 1
    assert places["layers.1.bias"] == 2


def test_sums_that_not_all_matrices_join_are_an_error() -> None:
    @optimizer(form="matrix")
    def some(w, g, learning_rate=0.1):
        if len(w) > 1:
            yield 1.0

    fault = "yields for some matrices and not for others; yield for each, 0 if need be"
    with engine_of(plan_of(some)) as engine, pytest.raises(TrainingError, match=f'"some" raised ValueError: {fault}'):
        engine.epoch(0, RATES)


@pytest.mark.parametrize(
    ("form", "shapes", "fault"),
    [
        ("matrix", {"n": "II"}, r"shapes=\{'n': 'II'\} must map a state to letters of 'IO1'"),
        ("matrix", {"m": "IB"}, r"shapes=\{'m': 'IB'\} must map a state to letters of 'IO1'"),
        ("matrix", {"m": ""}, r"must map a state to letters"),
        ("matrix", {"m": 2}, r"must map a state to letters"),
        ("elementwise", {"m": "1"}, r"'m': only states in the form \"matrix\" have shapes of their own"),
    ],
)
def test_shapes_that_there_are_not_are_refused(form: str, shapes: dict[str, Any], fault: str) -> None:
    def wrong(w, g, m, learning_rate=0.1):
        return w, m

    with pytest.raises(PluginError, match=fault):
        freeze(optimizer(form=form, shapes=shapes)(wrong))


@pytest.mark.parametrize("form", ["elementwise", "solver"])
def test_sums_in_another_form_are_refused(form: str) -> None:
    def wrong(w, learning_rate=0.1):
        yield w

    with pytest.raises(PluginError, match=r'it yields; only an optimizer in the form "matrix" may, for sums over the'):
        freeze(optimizer(form=form)(wrong))


@pytest.mark.parametrize("shape", [(4, 3), (3,)])
def test_they_are_functions_of_arrays_too(shape: tuple[int, ...]) -> None:
    chosen = OptimizerFunction(freeze(five).configured(), 0.0)
    w = np.ones(shape)
    state = chosen.init(w)
    rows = shape[0] if len(shape) > 1 else 1
    assert [state[name].shape for name in SHAPES] == [(rows, rows), (3, 3), (rows, 1), (1, 3), (1,)]
    chosen.step(w, w.copy(), state)
    assert (w < 1).all()
    assert state["right"].any()
    state["left"] = np.ones(3)
    with pytest.raises(ShapeError, match="left is an array of float64 and shape \\(3,\\); give 2 dimensions"):
        chosen.step(w, w.copy(), state)
    unit = OptimizerFunction(freeze(unit_of_all).configured(), 0.0)
    w = np.zeros(shape)
    unit.step(w, np.full(shape, 3.0), unit.init(w))
    np.testing.assert_allclose(w, -0.1)
