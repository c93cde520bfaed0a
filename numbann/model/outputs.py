"""Scores the outputs of a network by metrics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from numbann.components.component import Component, Configured, run
from numbann.data.tasks.task import Outcome, Task
from numbann.errors import DataError
from numbann.spec.configured import measures_of
from numbann.spec.resolution import Resolved


def outcome_of(resolved: Resolved, y: np.ndarray) -> Outcome:
    """Return outputs y (N, O) with everything that a task needs to read them."""
    return outcome(y, resolved.target, resolved.output_activation.component, resolved.loss.component)


def outcome(y: np.ndarray, form: str, activation: Component, loss: Component) -> Outcome:
    """Return outputs y (N, O) of an activation, for a form of target, with everything that a task needs."""
    chances = ("row" if activation.form == "row" else "each") if activation.traits["probabilities"] else ""
    return Outcome(y, form, activation.title, chances, loss.units, tuple(loss.columns))


def score(
    metrics: Sequence[Configured], task: Task, found: Outcome, raw_target: np.ndarray, **given: np.ndarray | None
) -> dict[str, float]:
    """Compute each metric of outputs against the original target, by its key.  given: see `roles_of`."""
    return call_metrics(metrics, roles_of(task, found, raw_target, **given), found.activation)


def roles_of(
    task: Task,
    found: Outcome,
    raw_target: np.ndarray,
    weight: np.ndarray | None = None,
    group: np.ndarray | None = None,
    truth: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Return what metrics may ask for, by role.  weight, group (N,): of each row; None: all rows have the same.

    truth: the target as metrics read it, where that is known.
    """
    rows = len(found.y)
    weight, group = (np.ones(rows) if weight is None else weight), (np.zeros(rows, int) if group is None else group)
    truth = task.truth(raw_target) if truth is None else truth
    return {**task.measurable(found, truth), "weight": weight, "group": group}


def call_metrics(metrics: Sequence[Configured], roles: dict[str, np.ndarray], activation: str = "") -> dict[str, float]:
    """Return each metric of arrays by their roles, by its key; activation: what gave the outputs, for messages."""
    return {key: _call(metric, activation, roles) for key, metric in measures_of(metrics).items()}


def _call(configured: Configured, activation: str, roles: dict[str, np.ndarray]) -> float:
    """Call a metric with the roles and the outputs that it names."""
    metric = configured.component
    names = (*metric.roles, *metric.outputs)
    missing = [name for name in names if name not in roles]
    if missing:
        raise DataError(
            f'metric "{metric.name}" needs {missing[0]}, which {activation} outputs do not give; '
            "leave it out of train.metrics",
            key="train.metrics",
        )
    given = {**{name: roles[name] for name in names}, **configured.values}
    value: float = run(metric, lambda: float(metric.function(**given)))
    return value
