"""Scores the outputs of a network by metrics."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

import numpy as np

from numbann.components.component import Component, run
from numbann.data.tasks.task import Outcome, Task
from numbann.errors import DataError
from numbann.spec.resolution import Resolved


def outcome_of(resolved: Resolved, y: np.ndarray) -> Outcome:
    """Return outputs y (N, O) with everything that a task needs to read them."""
    return Outcome(y, resolved.target, resolved.output_activation.name)


def score(
    metrics: Iterable[Component], task: Task, found: Outcome, raw_target: np.ndarray, weight: np.ndarray | None = None
) -> dict[str, float]:
    """Compute each metric of outputs against the original target, by name.  weight (N,): the weight of each row."""
    roles = task.measurable(found, raw_target)
    roles["weight"] = np.ones(len(found.y)) if weight is None else weight
    return {metric.name: _call(metric, found.activation, roles) for metric in metrics}


def _call(metric: Component, activation: str, roles: dict[str, np.ndarray]) -> float:
    """Call a metric with the roles that it names."""
    names = [name for name in inspect.signature(metric.function).parameters if name in metric.roles]
    missing = [name for name in names if name not in roles]
    if missing:
        raise DataError(
            f'metric "{metric.name}" needs {missing[0]}, which {activation} outputs do not give; '
            "leave it out of train.metrics",
            key="train.metrics",
        )
    value: float = run(metric, lambda: float(metric.function(**{name: roles[name] for name in names})))
    return value
