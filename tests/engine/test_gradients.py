"""The engine's gradients against differences of its own loss, for every activation and loss there is."""

from __future__ import annotations

import numpy as np
import pytest
from differences import ROWS, STEP, check_gradient, tensors_of, trained_gradient, vector
from networks import make_engine, make_plan, width_of

from numbann.components.built_in import built_in

SIZES = [3, 5, 4, 2]
NOISY = {"rrelu"}  # in training these are not the function that is evaluated
ACTIVATIONS = sorted({*built_in().names("activation")} - NOISY)
LOSSES = built_in().names("loss")


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_hidden_activations(activation: str) -> None:
    check_gradient(make_plan(SIZES, activation))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ["tanh", "softmax"])
def test_losses(activation: str, loss: str) -> None:
    check_gradient(make_plan([*SIZES[:-1], width_of(loss, SIZES[-1])], activation, loss))


@pytest.mark.parametrize("output", ACTIVATIONS)
def test_output_activations(output: str) -> None:
    check_gradient(make_plan(SIZES, "tanh", output=output))


def test_a_wrong_derivative_would_be_seen() -> None:
    """The check itself can fail: a loss scaled by 1.001 is no longer the one that was trained."""
    engine, x, t = make_engine(make_plan(SIZES), ROWS)
    with engine:
        start, gradient = engine.parameters(), trained_gradient(engine)
        shift = STEP * gradient / np.linalg.norm(gradient)
        engine.set_parameters(tensors_of(vector(start) + shift, start))
        above = engine.evaluate(x, t)[0]
        engine.set_parameters(tensors_of(vector(start) - shift, start))
        slope = (above - engine.evaluate(x, t)[0]) / (2 * STEP)
    assert slope == pytest.approx(np.linalg.norm(gradient), rel=1e-6)
    assert slope != pytest.approx(1.001 * np.linalg.norm(gradient), rel=1e-6)
