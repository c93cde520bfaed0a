"""The solver lbfgs: SciPy's course, in float64 over all rows at once, over losses and gradients of an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from numbann.engine.cpu.memory import Arena
from numbann.engine.devices import make_engine
from numbann.network.plan import Plan
from numbann.sklearn.mathematics import solver
from numbann.sklearn.networks import inputs_of, plan_of, tensors_of, weights_of
from numbann.sklearn.parameters import threads_of
from numbann.sklearn.targets import targets_of
from numbann.sklearn.training import mean_of

Measure = Callable[[np.ndarray], tuple[float, np.ndarray]]


@contextmanager
def measuring(estimator: Any, x: Any, y: np.ndarray, weight: np.ndarray | None) -> Iterator[Measure]:
    """What gives the loss and its gradient for scikit-learn's packed vector: all weights and then all biases.

    As scikit-learn does: the mean loss over targets, but the gradient of their sum.
    """
    asked: list[Any] = []
    plan = plan_of(estimator, solver(lambda *given: asked.append(given)).configured(), "float64")
    places = _places_of(plan)
    count = len(places) - sum(len(b) for b in weights_of(estimator)[1])
    decay = estimator.alpha / (len(y) if weight is None else weight.sum())
    with make_engine(plan, threads=threads_of(estimator)) as engine:
        engine.load_data(inputs_of(x), targets_of(plan, y), weight)
        engine.set_parameters(tensors_of(estimator))
        engine.epoch(0, np.ones(1))
        evaluate, w = asked[0]

        def measure(packed: np.ndarray) -> tuple[float, np.ndarray]:
            """The loss and the gradient."""
            w[places] = packed
            loss, gradient = evaluate(w)
            found, weights = gradient[places], packed[:count]
            found[:count] += decay * weights
            return loss / mean_of(estimator) + decay / 2 * float(weights @ weights), found

        yield measure


def _places_of(plan: Plan) -> np.ndarray:
    """Where each number of scikit-learn's packed vector, all weights and then all biases, is in the engine's."""
    names = [f"layers.{k}.{name}" for name in ("weight", "bias") for k in range(len(plan.layers))]
    arena, tensors, first = Arena(plan), {}, 1
    for name in names:
        shape = plan.tensors[name]
        last = first + int(np.prod(shape))
        tensors[name] = np.arange(first, last).reshape(shape)
        first = last
    arena.set_tensors(tensors)
    used = np.flatnonzero(arena.parameters)  # the rest is padding
    return used[np.argsort(arena.parameters[used])]
