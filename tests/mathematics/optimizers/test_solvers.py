"""Solvers by themselves: L-BFGS on functions whose minimum is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.components.declare import freeze, optimizer
from numbann.errors import PluginError
from numbann.mathematics.optimizers.solvers import lbfgs

Evaluate = Callable[[np.ndarray], tuple[float, np.ndarray]]


def rosenbrock(w: np.ndarray) -> tuple[float, np.ndarray]:
    """The sum of 100 (w_(k+1) - w_k^2)^2 + (1 - w_k)^2, a curved valley with its bottom at 1, and its gradient."""
    a, b = w[:-1], w[1:]
    gradient = np.zeros_like(w)
    gradient[:-1] = -2 * (1 - a) - 400 * a * (b - a * a)
    gradient[1:] += 200 * (b - a * a)
    return float(((1 - a) ** 2 + 100 * (b - a * a) ** 2).sum()), gradient


def counted(evaluate: Evaluate) -> tuple[Evaluate, list[float]]:
    """The same function, and a list of the losses it has given."""
    seen: list[float] = []

    def counting(w: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = evaluate(w)
        seen.append(loss)
        return loss, gradient

    return counting, seen


def solved(evaluate: Evaluate, w: np.ndarray, epochs: int, **settings: Any) -> dict[str, np.ndarray]:
    """Move w for so many epochs, or until it ends; the memory."""
    memory: dict[str, np.ndarray] = {}
    for _ in range(epochs):
        lbfgs(w, evaluate, memory, **settings)
        if "ended" in memory:
            break
    return memory


@pytest.mark.parametrize(("start", "epochs"), [([-1.2, 1.0], 50), ([-1.2, 1.0] * 5, 100)], ids=str)
def test_rosenbrock(start: list[float], epochs: int) -> None:
    evaluate, seen = counted(rosenbrock)
    w = np.array(start)
    memory = solved(evaluate, w, epochs)
    np.testing.assert_allclose(w, 1, rtol=1e-6)
    assert "ended" in memory
    assert len(seen) < 1.5 * epochs
    before = w.copy()
    lbfgs(w, evaluate, memory)  # it has ended: nothing is evaluated any more
    np.testing.assert_array_equal(w, before)
    assert len(seen) < 1.5 * epochs


def test_a_parabola_of_few_dimensions_needs_few_steps() -> None:
    curvature, w = np.array([1.0, 10.0, 100.0]), np.array([1.0, 1.0, 1.0])
    solved(lambda w: (float((curvature * w * w).sum()) / 2, curvature * w), w, 20, tolerance=1e-10)
    np.testing.assert_allclose(w, 0, atol=1e-9)


def test_the_loss_never_rises_and_each_step_meets_the_wolfe_conditions() -> None:
    w, memory = np.array([-1.2, 1.0, -1.2, 1.0]), {}
    for _ in range(30):
        before, (loss, gradient) = w.copy(), rosenbrock(w)
        lbfgs(w, rosenbrock, memory)
        after, slope = rosenbrock(w), gradient @ (w - before)
        assert after[0] <= loss + 1e-4 * slope < loss
        assert abs(after[1] @ (w - before)) <= 0.9 * abs(slope)


def test_history_bounds_what_is_remembered() -> None:
    memory = solved(rosenbrock, np.array([-1.2, 1.0, -1.2]), 12, history=3)
    assert memory["steps"].shape == memory["changes"].shape == (3, 3)
    assert {name: array.shape for name, array in memory.items()}["gradient"] == (3,)


def test_an_infinite_loss_on_the_way_is_stepped_back_from() -> None:
    """-log(w) + w is no number left of 0, where the first long trial goes; its bottom is at 1."""

    def barrier(w: np.ndarray) -> tuple[float, np.ndarray]:
        with np.errstate(invalid="ignore"):
            return float((w - np.log(w)).sum()), 1 - 1 / w

    w = np.array([8.0, 5.0])
    solved(barrier, w, 50, learning_rate=100.0)
    np.testing.assert_allclose(w, 1, rtol=1e-5)


def test_a_kink_ends_it() -> None:
    """The loss |w| falls along no step from close to its kink: w stays, after some trials."""
    w = np.array([0.7, -0.3])
    assert "ended" in solved(lambda w: (float(np.abs(w).sum()), np.sign(w)), w, 200)
    assert np.abs(w).sum() < 0.5


def test_evaluations_of_an_epoch_are_bounded() -> None:
    evaluate, seen = counted(rosenbrock)
    w, memory = np.array([-1.2, 1.0]), {}
    for _ in range(10):
        before = len(seen)
        lbfgs(w, evaluate, memory, max_evaluations=2)
        assert len(seen) - before <= 5  # the first of all, and two searches


def test_it_has_no_step_of_its_own() -> None:
    with pytest.raises(PluginError, match="evaluates the loss itself"):
        numbann.get_optimizer("lbfgs")


def test_refusals() -> None:
    def stateful(w, evaluate, momentum):
        return None

    with pytest.raises(PluginError, match=r"keeps arrays in `memory`, not in states such as 'momentum'"):
        freeze(optimizer(form="solver")(stateful))

    def sometimes(w, g, m, beta: float = 0.0):
        return None

    with pytest.raises(PluginError, match="`optional` is for elementwise optimizers"):
        freeze(optimizer(form="matrix", optional={"m": "beta"})(sometimes))
