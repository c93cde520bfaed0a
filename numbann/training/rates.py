"""The learning rate of every step: the optimizer's rate times the schedule's factor, after a warm-up.

Warm-up rises in equal steps to the schedule's first factor; the schedule then runs over the epochs that are left, and
counts steps and epochs from its own beginning.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np

from numbann.component import Configured
from numbann.errors import TrainingError

States = tuple[float, ...]


@dataclass(frozen=True)
class Rates:
    """A schedule laid out over a training of so many epochs of so many steps; `base` is the optimizer's rate."""

    schedule: Configured
    base: float
    warmup_epochs: int
    epochs: int
    steps: int

    @property
    def look_ahead(self) -> bool:
        """Whether the rates depend on how long the training will be."""
        return bool({"steps", "epochs"} & set(self.schedule.component.roles))

    def of_epoch(self, index: int, monitor: float, states: States) -> tuple[np.ndarray, States]:
        """The rate of each step of an epoch (from 0), and the schedule's states after it.

        monitor: the loss of the epoch before, infinite at first.
        """
        begin = (index - self.warmup_epochs) * self.steps
        if begin < 0:
            first, _ = self._factor(0, inf, states)
            done = index * self.steps + 1 + np.arange(self.steps)
            return self.base * first * done / (self.warmup_epochs * self.steps), states
        factors = []
        for step in range(begin, begin + self.steps):
            factor, states = self._factor(step, monitor, states)
            factors.append(factor)
        return self.base * np.array(factors), states

    def _factor(self, step: int, monitor: float, states: States) -> tuple[float, States]:
        """The factor of a step of the schedule, and the states after it."""
        component, left = self.schedule.component, self.epochs - self.warmup_epochs
        roles = {
            "monitor": monitor,
            "step": step,
            "steps": left * self.steps,
            "epoch": step / self.steps,
            "epochs": left,
        }
        given = {name: roles[name] for name in component.roles}
        kept = dict(zip(component.states, states or (0,) * len(component.states), strict=True))
        found = component.function(**given, **kept, **self.schedule.values)
        factor, *after = found if component.states else (found,)
        _require_rate(component.name, factor, step)
        return factor, tuple(after)


def _require_rate(name: str, factor: Any, step: int) -> None:
    """A factor is a finite number, at least 0."""
    if not (isfinite(factor) and factor >= 0):
        raise TrainingError(
            f'schedule "{name}" gives the factor {factor} at step {step}; it must be finite, at least 0'
        )
