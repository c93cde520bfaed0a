"""What a model is worth on rows with known targets: loss and metrics, beside those of a guess that sees no input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from math import isnan
from typing import Any

import numpy as np

from numbann.components.component import Configured
from numbann.data.preprocessing import Preprocessing
from numbann.data.tasks.task import Confusion
from numbann.errors import NumbannError
from numbann.model.outputs import call_metrics, outcome_of, roles_of
from numbann.records import dataclass
from numbann.spec.resolution import Resolved


@dataclass(frozen=True)
class Assessment:
    """Figures on some rows.

    measures: loss and metrics by name.  baseline: the metrics of always predicting what the training part has most, its
    largest class, or its mean or median, whichever is better.  targets: the metrics of each target, if there are
    several.  confusion: rows of each class (a row of the table) by predicted class, if there are classes.
    """

    measures: dict[str, float]
    baseline: dict[str, float]
    targets: dict[str, dict[str, float]]
    confusion: Confusion | None

    def to_json(self) -> dict[str, Any]:
        """Return what there is, by name, without the measures."""
        found = {"baseline": self.baseline, "targets": self.targets, "confusion": self.confusion}
        return {name: value for name, value in found.items() if value}


def assess(
    resolved: Resolved,
    preprocessing: Preprocessing,
    loss: float,
    y: np.ndarray,
    raw_target: np.ndarray,
    **given: np.ndarray | None,
) -> Assessment:
    """Assess outputs y (N, O) and their loss by the targets as given.  given: weight and group, see `roles_of`."""
    task, found = preprocessing.task, outcome_of(resolved, y)
    roles = roles_of(task, found, raw_target, **given)
    several = len(task.names) > 1 and np.ndim(roles["t"]) == 2
    return Assessment(
        {"loss": loss, **call_metrics(resolved.metrics, roles, found.activation)},
        _baseline(resolved.metrics, preprocessing, roles),
        _of_targets(resolved.metrics, task.names, roles) if several else {},
        task.confusion(found, roles["t"]),
    )


def _baseline(
    metrics: Iterable[Configured], preprocessing: Preprocessing, roles: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Return the better value of each metric among the guesses; none for a metric of what no guess gives."""
    best: dict[str, float] = {}
    for usual in preprocessing.usual:
        guess = {
            **preprocessing.task.guess(np.array(usual), roles["t"]),
            "weight": roles["weight"],
            "group": roles["group"],
        }
        for metric in metrics:
            if {*metric.component.roles, *metric.component.outputs} <= guess.keys():
                for name, value in _tolerant(metric, guess).items():
                    choose = max if metric.component.traits["better"] == "higher" else min
                    known = [one for one in (best.get(name, value), value) if not isnan(one)]
                    best[name] = choose(known, default=value)
    return best


def _of_targets(
    metrics: Iterable[Configured], names: Iterable[str], roles: Mapping[str, np.ndarray]
) -> dict[str, dict[str, float]]:
    """Return the metrics of each target alone; none of metrics that ask for what the loss gives by name."""
    wide = [name for name, values in roles.items() if np.ndim(values) == 2]
    found: dict[str, dict[str, float]] = {}
    for k, target in zip(range(roles["t"].shape[1]), names, strict=False):
        alone = {**roles, **{name: roles[name][:, [k]] for name in wide}}
        able = (metric for metric in metrics if not metric.component.outputs)
        found[target] = {name: value for metric in able for name, value in _tolerant(metric, alone).items()}
    return found


def _tolerant(metric: Configured, roles: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return a metric by its name; nothing if it cannot be told of these rows, on which the model is not judged."""
    with np.errstate(all="ignore"), suppress(NumbannError):
        return call_metrics([metric], dict(roles))
    return {}
