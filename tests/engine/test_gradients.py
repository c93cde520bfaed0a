"""The engine's gradients against differences of its own loss, for every activation and loss there is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from networks import flat, make_engine, make_plan, unflat

from numbann import plan
from numbann.discovery import built_in
from numbann.engine import Engine

SIZES, ROWS = [3, 5, 4, 2], 7
STEP = 1e-5
ACTIVATIONS, LOSSES = built_in().names("activation"), built_in().names("loss")


def trained_gradient(engine: Engine) -> np.ndarray:
    """The gradient of all parameters: what one step of plain descent with rate 1 takes off them."""
    before = engine.weights()
    engine.epoch(0, np.ones(1))
    after = engine.weights()
    engine.set_weights(before)
    return flat(before) - flat(after)


def one_sided_slopes(loss: Callable[[np.ndarray], float], at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The slopes to the left and to the right along each parameter, by differences of second order."""
    left, right, here = np.empty_like(at), np.empty_like(at), loss(at)
    for k in range(len(at)):
        shift = np.zeros_like(at)
        shift[k] = STEP
        left[k] = (3 * here - 4 * loss(at - shift) + loss(at - 2 * shift)) / (2 * STEP)
        right[k] = (4 * loss(at + shift) - loss(at + 2 * shift) - 3 * here) / (2 * STEP)
    return left, right


def check_gradient(made: plan.Plan) -> None:
    """Every derivative lies between the slopes to its left and to its right, which differ only at a kink."""
    engine, x, t = make_engine(made, ROWS)
    with engine:
        weights = engine.weights()

        def loss(parameters: np.ndarray) -> float:
            engine.set_weights(unflat(parameters, weights))
            return engine.evaluate(x, t)[0]

        gradient = trained_gradient(engine)
        left, right = one_sided_slopes(loss, flat(weights))
    largest = np.abs(gradient).max()
    assert largest > 1e-3
    slack = 1e-8 * max(1.0, largest)
    assert (gradient >= np.minimum(left, right) - slack).all()
    assert (gradient <= np.maximum(left, right) + slack).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_hidden_activations(activation: str) -> None:
    check_gradient(make_plan(SIZES, activation))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ["tanh", "softmax"])
def test_losses(activation: str, loss: str) -> None:
    check_gradient(make_plan(SIZES, activation, loss))


@pytest.mark.parametrize("output", ACTIVATIONS)
def test_output_activations(output: str) -> None:
    check_gradient(make_plan(SIZES, "tanh", output=output))


def test_a_wrong_derivative_would_be_seen() -> None:
    """The check itself can fail: a loss scaled by 1.001 is no longer the one that was trained."""
    engine, x, t = make_engine(make_plan(SIZES), ROWS)
    with engine:
        weights, gradient = engine.weights(), trained_gradient(engine)
        shift = STEP * gradient / np.linalg.norm(gradient)
        engine.set_weights(unflat(flat(weights) + shift, weights))
        above = engine.evaluate(x, t)[0]
        engine.set_weights(unflat(flat(weights) - shift, weights))
        slope = (above - engine.evaluate(x, t)[0]) / (2 * STEP)
    assert slope == pytest.approx(np.linalg.norm(gradient), rel=1e-6)
    assert slope != pytest.approx(1.001 * np.linalg.norm(gradient), rel=1e-6)
