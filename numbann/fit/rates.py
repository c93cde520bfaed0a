"""The learning rate of every step: the optimizer's rate times the schedule's factor, after a warm-up.  Other numbers
may have such a course, too.

The warm-up rises in equal steps to the schedule's first factor.  The schedule then covers the epochs that are left, and
counts steps and epochs from its own beginning.
"""

from __future__ import annotations

from functools import cached_property
from math import inf

import numpy as np

from numbann.components.component import Configured, run
from numbann.errors import TrainingError
from numbann.records import dataclass

States = tuple[float, ...]


@dataclass(frozen=True)
class Rates:
    """A schedule over `epochs` epochs of `steps` steps; `base` is the optimizer's rate, or another number.

    below: what no step reaches.
    """

    schedule: Configured
    base: float
    warmup_epochs: int
    epochs: int
    steps: int
    below: float = inf

    @property
    def look_ahead(self) -> bool:
        """Whether the rates depend on the length of the training."""
        return bool({"steps", "epochs"} & set(self.schedule.component.roles))

    def of_epoch(self, index: int, monitor: float, states: States) -> tuple[np.ndarray, States]:
        """The rate of each step of an epoch (from 0), and the schedule's states after it.

        monitor: the loss of the epoch before, infinite at first.
        """
        begin = (index - self.warmup_epochs) * self.steps
        if begin < 0:
            first, _ = self._run(range(1), inf, states)
            done = index * self.steps + 1 + np.arange(self.steps)
            return self.base * first * done / (self.warmup_epochs * self.steps), states
        if not self.schedule.component.roles and not self.schedule.component.states:
            return self._constant, states
        factors, states = self._run(range(begin, begin + self.steps), monitor, states)
        return self.base * factors, states

    @cached_property
    def _constant(self) -> np.ndarray:
        """The rate of each step of any epoch, for a schedule that neither asks nor remembers anything."""
        return self.base * self._run(range(self.steps), inf, ())[0]

    def _run(self, steps: range, monitor: float, states: States) -> tuple[np.ndarray, States]:
        """As `_factors`; TrainingError if the schedule raises."""
        found: tuple[np.ndarray, States] = run(self.schedule.component, lambda: self._factors(steps, monitor, states))
        return found

    def _factors(self, steps: range, monitor: float, states: States) -> tuple[np.ndarray, States]:
        """The factor of each of some steps of the schedule, and the states after them."""
        component, left = self.schedule.component, self.epochs - self.warmup_epochs
        fixed = {"monitor": monitor, "steps": left * self.steps, "epochs": left}
        given = {**self.schedule.values, **{name: fixed[name] for name in component.roles if name in fixed}}
        counts, stateful = [name for name in ("step", "epoch") if name in component.roles], bool(component.states)
        kept = list(states or [0] * len(component.states))
        factors = []
        # a schedule that neither counts nor remembers is called once: its factor is the same for all steps
        for step in steps if counts or stateful else steps[:1]:
            for name in counts:
                given[name] = step if name == "step" else step / self.steps
            found = component.function(**given, **dict(zip(component.states, kept, strict=True)))
            factor, *kept = found if stateful else (found,)
            factors.append(factor)
        found = np.array(factors, np.float64)
        _check(component.name, found, steps)
        if (wrong := self.base * found.max(initial=0.0)) >= self.below:
            made = f'schedule "{component.name}" makes {wrong:g} of {self.base:g}'
            raise TrainingError(f"{made}; give a number that stays below {self.below:g}")
        return np.broadcast_to(found, len(steps)), tuple(kept)


def _check(name: str, factors: np.ndarray, steps: range) -> None:
    """Raise TrainingError for factors that are not finite or are negative."""
    wrong = np.flatnonzero(~(np.isfinite(factors) & (factors >= 0)))
    if wrong.size:
        raise TrainingError(
            f'schedule "{name}" gives the factor {factors[wrong[0]]:g} at step {steps[wrong[0]]}; '
            "it must be finite, at least 0"
        )
