"""Optimizers in plain NumPy, called by Python between runs of a table that stores the gradient.

A matrix form updates all matrices of weights after each step.  A solver takes an epoch, and asks for as many losses and
gradients as it likes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np

from numbann.components.component import call, run
from numbann.components.matrices import step_of_matrices
from numbann.components.parameter import Tuning
from numbann.engine.cpu.memory import Arena
from numbann.network.plan import Plan
from numbann.network.states import TRAINED, layer_number
from numbann.simd.sizes import SMALL

Measure = Callable[[], float]  # runs the table on all rows: it gives their mean loss and stores the gradient


class Matrices:
    """An optimizer of the form "matrix", with its states that have shapes of their own; it works on copies of w.

    shaped: these states by the names that a checkpoint gives them.
    """

    def __init__(self, plan: Plan, arena: Arena, gradient: Arena) -> None:
        self._plan, self._arena, self._gradient = plan, arena, gradient
        predicts = plan.optimizer.component.predicts
        self._slots = {predicts: 0} if predicts else {}  # where w and the states of its shape are in the arena
        names = [name for name in plan.kept if name != TRAINED]
        self._slots |= {name: slot for slot, name in enumerate(["w", *names], int(plan.apart))}
        self.shaped = {name: np.zeros(shape, plan.dtype) for name, shape in plan.shaped.items()}

    def step(self, rate: float, decay: float, step: int, batch_size: int) -> None:
        """Update all matrices with the stored gradient."""
        plan, component = self._plan, self._plan.optimizer.component
        trained = self._arena.from_state(self._slots["w"])
        _adjust(plan, decay, trained.parameters, self._gradient.parameters)
        kept = {name: self._arena.tensors(slot) for name, slot in self._slots.items()}
        numbers = {"step": step, "learning_rate": rate, "weight_decay": decay, "batch_size": batch_size}
        shared = {**plan.optimizer.values, **numbers, "layers": len(plan.layers)}
        given = [
            {name: np.atleast_2d(tensors[tensor]) for name, tensors in kept.items()}
            | {state: self.shaped[f"{state}.{tensor}"] for state in component.shapes}
            | {"g": np.atleast_2d(g), "layer": layer_number(tensor), **shared}
            for tensor, g in self._gradient.tensors().items()
        ]
        vectors, tuning = {vector.name: vector for vector in plan.vectors}, plan.tuning
        given = [_tuned(plan, tuning[tensor], one) for tensor, one in zip(kept["w"], given, strict=True)]
        run(component, functools.partial(step_of_matrices, component, given))
        for weights in (kept["w"], *([kept[component.predicts]] if component.predicts else [])):
            for name, vector in vectors.items():
                np.clip(weights[name], vector.low, vector.high, out=weights[name])
        for name, slot in self._slots.items():
            self._arena.set_tensors(kept[name], slot)


def _tuned(plan: Plan, tuning: Tuning, given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a step for a tensor that is trained in its own way; `_adjust` has added the others' decay."""
    decay = given["weight_decay"] if tuning.decay is None else tuning.decay
    if decay != given["weight_decay"] and "weight_decay" not in plan.optimizer.component.roles:
        given["g"] = given["g"] + (decay - given["weight_decay"]) * given["w"]
    return {**given, "learning_rate": given["learning_rate"] * tuning.rate, "weight_decay": decay}


def average(plan: Plan, averaged: Arena, trained: Arena, step: int) -> None:
    """Update the average of the weights."""
    kept = plan.average if step > 1 else 0.0
    assert kept is not None
    averaged.parameters[:] = kept * averaged.parameters + (1 - kept) * trained.parameters


def _adjust(plan: Plan, decay: float, w: np.ndarray, g: np.ndarray) -> None:
    """Clip the gradient and add weight decay and L1 to it, as the kernels of elementwise optimizers do."""
    if plan.clip_norm:
        g *= min(1.0, plan.clip_norm / (sqrt(_square(g)) + SMALL))
    if plan.clip_value:
        np.clip(g, -plan.clip_value, plan.clip_value, out=g)
    if decay and "weight_decay" not in plan.optimizer.component.roles:
        g += decay * w
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
        w[:], self._arena.stale = self._arena.parameters, True
        loss, decay = measure(), self._plan.weight_decay
        self._measured = w.copy()
        return loss + decay / 2 * _square(w), self._gradient.parameters + decay * w


def _square(x: np.ndarray) -> float:
    """The sum of squares."""
    return float(np.sum(x * x, dtype=np.float64))
