"""Numbers that change from step to step beside those of the optimizer, as rows of parameters that kernels read.

They are the rates of dropouts and the label smoothing of a loss.  A kernel finds the row of its step; where nothing
changes, there is one row for all steps.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from numbann.engine.shared.alignment import aligned
from numbann.network.plan import Plan
from numbann.network.steps import Drop
from numbann.simd.sizes import RATE, SCALE

SMOOTHING = "label_smoothing"


def drop_numbers(step: Drop, dtype: str) -> np.ndarray:
    """The parameters of a dropout's kernels."""
    return np.array([step.rate, step.scale, step.shift, step.dropped, 0], dtype)


def loss_numbers(plan: Plan) -> np.ndarray:
    """Those of the loss's kernel; the 0 at its end keeps the array from being empty."""
    return np.array([*plan.loss.values.values(), 0], plan.dtype)


class Moving:
    """The rows of an epoch of so many steps, by the names of what changes; `begin` sets what does."""

    def __init__(self, plan: Plan, steps: int) -> None:
        self._plan = plan
        self.rows = {name: self._repeated(name, steps) for name in plan.moving if name != "weight_decay"}
        self.begin({})

    def _repeated(self, name: str, steps: int) -> np.ndarray:
        """The parameters once for each step."""
        plan = self._plan
        if name == SMOOTHING:
            numbers = loss_numbers(plan)
        else:
            drop = plan.layers[int(name.split(".")[1])].training.step(Drop)
            assert drop is not None
            numbers = drop_numbers(drop, plan.dtype)
        rows = aligned((steps, len(numbers)), plan.dtype)
        rows[:] = numbers
        return rows

    def begin(self, numbers: Mapping[str, np.ndarray]) -> None:
        """Set the numbers of each step of an epoch; those that are not given stay what the plan says."""
        for name, rows in self.rows.items():
            given = numbers.get(name, np.full(len(rows), self._plan.moving[name]))
            if name == SMOOTHING:
                rows[:, list(self._plan.loss.values).index(name)] = given
            else:
                rows[:, RATE], rows[:, SCALE] = given, 1 / (1 - given)
