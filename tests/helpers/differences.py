"""The engine's gradients against differences of its own loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from networks import make_engine

from numbann.engine.cpu.engine import Engine
from numbann.network import plan

ROWS = 7
STEP = 1e-5


def trained_gradient(engine: Engine) -> np.ndarray:
    """The gradient of all parameters: what one step of plain descent with rate 1 takes off them."""
    before = engine.parameters()
    engine.epoch(0, np.ones(1))
    after = engine.parameters()
    engine.set_parameters(before)
    return vector(before) - vector(after)


def vector(tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    """All tensors as one vector."""
    return np.concatenate([tensor.ravel() for tensor in tensors.values()])


def tensors_of(numbers: np.ndarray, like: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What `vector` made one vector of, again by name."""
    parts = np.split(numbers, np.cumsum([tensor.size for tensor in like.values()])[:-1])
    return {name: part.reshape(like[name].shape) for name, part in zip(like, parts, strict=True)}


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
        start = engine.parameters()

        def loss(parameters: np.ndarray) -> float:
            engine.set_parameters(tensors_of(parameters, start))
            return engine.evaluate(x, t)[0]

        gradient = trained_gradient(engine)
        left, right = one_sided_slopes(loss, vector(start))
    largest = np.abs(gradient).max()
    assert largest > 1e-3
    slack = 1e-8 * max(1.0, largest)
    assert (gradient >= np.minimum(left, right) - slack).all()
    assert (gradient <= np.maximum(left, right) + slack).all()
