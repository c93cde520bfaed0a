"""Optimizers in plain NumPy, called by Python between runs of a table that stores the gradient.

A matrix form updates every matrix of weights after each step.  A solver takes an epoch, and asks for as many losses and
gradients as it likes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from math import sqrt

import numpy as np

from numbann.components.component import call, run
from numbann.engine.cpu.memory import Arena
from numbann.network.plan import Plan
from numbann.simd.gradient import SMALL

Measure = Callable[[], float]  # runs the table on all rows: it gives their mean loss and stores the gradient


def update_matrices(plan: Plan, trained: Arena, gradient: Arena, rate: float, step: int) -> None:
    """A step of an optimizer of the form "matrix", on copies of the matrices."""
    component, states = plan.optimizer.component, plan.optimizer.component.states
    settings = {**plan.optimizer.values, "step": step, "learning_rate": rate, "weight_decay": plan.weight_decay}
    _adjust(plan, trained.parameters, gradient.parameters)
    kept = [trained.tensors(k) for k in range(1 + len(states))]
    for name, g in gradient.tensors().items():
        w, *values = (np.atleast_2d(tensors[name]) for tensors in kept)
        given = {"w": w, "g": np.atleast_2d(g), **dict(zip(states, values, strict=True)), **settings}
        run(component, functools.partial(call, component.function, **given))
    for k, tensors in enumerate(kept):
        trained.set_tensors(tensors, k)


def average(plan: Plan, averaged: Arena, trained: Arena, step: int) -> None:
    """Update the average of the weights."""
    kept = plan.average if step > 1 else 0.0
    assert kept is not None
    averaged.parameters[:] = kept * averaged.parameters + (1 - kept) * trained.parameters


def _adjust(plan: Plan, w: np.ndarray, g: np.ndarray) -> None:
    """Clip the gradient and add weight decay and L1 to it, as the kernels of elementwise optimizers do."""
    if plan.clip_norm:
        g *= min(1.0, plan.clip_norm / (sqrt(_square(g)) + SMALL))
    if plan.clip_value:
        np.clip(g, -plan.clip_value, plan.clip_value, out=g)
    if plan.weight_decay and "weight_decay" not in plan.optimizer.component.roles:
        g += plan.weight_decay * w
    if plan.l1:
        g += plan.l1 * np.sign(w)


class Solver:
    """An optimizer of the form "solver" with its memory."""

    def __init__(self, plan: Plan, arena: Arena, gradient: Arena) -> None:
        self.memory: dict[str, np.ndarray] = {}
        self._plan, self._arena, self._gradient = plan, arena, gradient
        self._measured = np.zeros(0)  # the weights that were measured last

    def forget(self) -> None:
        """Clear the memory, because the weights or the data are others."""
        self.memory.clear()
        self._measured = np.zeros(0)

    def step(self, measure: Measure, rate: float, step: int) -> None:
        """Run an epoch.  The last measurement is that of the weights it found, so the losses of the step are theirs."""
        component, w = self._plan.optimizer.component, self._arena.parameters.astype(np.float64)
        settings = {**self._plan.optimizer.values, "step": step, "learning_rate": rate}
        evaluate = functools.partial(self._evaluate, measure)
        given = {"w": w, "evaluate": evaluate, "memory": self.memory, **settings}
        run(component, functools.partial(call, component.function, **given))
        if not np.array_equal(w, self._measured):
            evaluate(w)

    def _evaluate(self, measure: Measure, w: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss and its gradient at w, which is rounded in place to the model's precision; weight decay is L2."""
        self._arena.parameters[:] = w
        w[:] = self._arena.parameters
        loss, decay = measure(), self._plan.weight_decay
        self._measured = w.copy()
        return loss + decay / 2 * _square(w), self._gradient.parameters + decay * w


def _square(x: np.ndarray) -> float:
    """The sum of squares."""
    return float(np.sum(x * x, dtype=np.float64))
