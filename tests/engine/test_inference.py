"""Predictions and evaluation against the NumPy twin, the link included."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from networks import make_data, make_engine, make_plan, make_targets, set_weights, twin, twin_loss, weights_of, width_of

from numbann.components.built_in import built_in
from numbann.components.component import arguments_of
from numbann.engine.cpu.engine import Engine

CLOSE = {"float64": {"rtol": 1e-12, "atol": 1e-14}, "float32": {"rtol": 1e-4, "atol": 2e-6}}
LOSSES = built_in().names("loss")


def given_by(loss: str, y: np.ndarray) -> np.ndarray:
    """What a loss's link makes of outputs (B, O), or what a loss of named outputs gives, followed by zeros."""
    component = built_in().get("loss", loss)
    if component.gives is None:
        linked: np.ndarray = getattr(reference, component.traits["link"])(y)
        return linked
    outputs = dict(zip(component.outputs, np.split(y, len(component.outputs), axis=1), strict=True))
    asked = {**outputs, **component.defaults()}
    given = np.vectorize(component.gives)(*(asked[name] for name in arguments_of(component.gives)))
    made = np.hstack(given if isinstance(given, tuple) else [given])
    return np.pad(made, ((0, 0), (0, y.shape[1] - made.shape[1])))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 5, 512, 513, 1030])
@pytest.mark.parametrize("loss", LOSSES)
def test_evaluation(loss: str, rows: int, dtype: str) -> None:
    made = make_plan([6, 17, width_of(loss, 6)], "tanh", loss, dtype=dtype)
    engine, x, t = make_engine(made, rows)
    with engine:
        y = reference.forward(twin(engine), x.astype(np.float64))
        value, predictions = engine.evaluate(x, t)
        np.testing.assert_allclose(predictions, given_by(loss, y), **CLOSE[dtype])
        assert value == pytest.approx(twin_loss(made)(y, t)[0].mean(), rel=1e-5 if dtype == "float32" else 1e-12)
        np.testing.assert_array_equal(engine.predict(x), predictions)
        assert predictions.dtype == dtype


@pytest.mark.parametrize("output", built_in().names("activation"))
def test_output_activations(output: str) -> None:
    made = make_plan([3, 4, 5], "relu", "mse", output=output)
    engine, x, _ = make_engine(made, 9)
    with engine:
        np.testing.assert_allclose(engine.predict(x), reference.forward(twin(engine), x), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("sizes", [[1, 1], [1, 2, 1], [130, 513, 70, 1], [5, 1024, 3]], ids=str)
def test_sizes(sizes: list[int]) -> None:
    """Rows as long as a multiple of 512 elements are kept apart in memory, which nobody may notice."""
    made = make_plan(sizes, "sigmoid", dtype="float32")
    engine, x, _ = make_engine(made, 8)
    with engine:
        expected = reference.forward(twin(engine), x.astype(np.float64))
        np.testing.assert_allclose(engine.predict(x), expected, rtol=1e-4, atol=2e-5)


def test_weights_come_back_as_they_were_set() -> None:
    made = make_plan([33, 70, 130, 3], dtype="float32")
    random = np.random.default_rng(0)
    weights = [
        (random.standard_normal((i, o)).astype("f4"), random.standard_normal(o).astype("f4"))
        for i, o in ((33, 70), (70, 130), (130, 3))
    ]
    with Engine(made, 1) as engine:
        set_weights(engine, weights)
        for got, expected in zip(weights_of(engine), weights, strict=True):
            np.testing.assert_array_equal(got[0], expected[0])
            np.testing.assert_array_equal(got[1], expected[1])


def test_evaluation_leaves_training_alone() -> None:
    """Between two epochs predictions of other rows change neither weights nor what the next epoch does."""
    made = make_plan([6, 5, 3], "tanh", "softmax_cross_entropy", "adam", batch=4)
    results = []
    for disturbed in (False, True):
        engine, _, _ = make_engine(made, 11)
        with engine:
            engine.epoch(0, np.full(3, 0.1))
            if disturbed:
                engine.evaluate(*make_data(made, 700, seed=9))
            results.append((engine.epoch(1, np.full(3, 0.1)), weights_of(engine)[0][0].tobytes()))
    assert results[0] == results[1]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_nan_is_seen(loss: str) -> None:
    """A NaN in one row comes through to that row's prediction and to the loss, and to no other row."""
    component, width = built_in().get("loss", loss), width_of(loss, 5)
    made = make_plan([3, 4, width], "relu", loss, dtype="float32")
    engine, x, t = make_engine(made, 6)
    with engine:
        x[2, 1] = np.nan
        value, predictions = engine.evaluate(x, t)
    assert np.isnan(value)
    given = width * len(component.units) // len(component.outputs) if component.gives else width
    assert np.isnan(predictions[2, :given]).all()
    assert np.isfinite(np.delete(predictions, 2, axis=0)).all()


def test_large_logits_do_not_overflow() -> None:
    for loss in ("softmax_cross_entropy", "soft_cross_entropy", "sigmoid_cross_entropy"):
        made = make_plan([3, 3], loss=loss, dtype="float32")
        t = make_targets(made.loss.component, 2, 3, np.random.default_rng(0))
        with Engine(made, 1) as engine:
            set_weights(engine, [(np.eye(3), np.zeros(3))])
            value, predictions = engine.evaluate(np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]]), t)
        assert np.isfinite(value)
        assert np.isfinite(predictions).all()
