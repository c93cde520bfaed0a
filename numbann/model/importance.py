"""The importance of columns: how much worse a metric gets where a column's cells are shuffled among the rows.

What a model has learnt of a column is lost then, and everything else stays.  Of columns that say the same, each looks
unimportant: the model reads the other one.  Breiman 2001, https://doi.org/10.1023/A:1010933404324; Fisher, Rudin and
Dominici 2019, https://arxiv.org/abs/1801.01489.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from numbann.components.built_in import built_in
from numbann.components.component import Configured
from numbann.data.parts import group_of
from numbann.data.table import Raw
from numbann.engine.shared.batches import whole_groups
from numbann.errors import DataError, shown
from numbann.model.outputs import outcome_of, score
from numbann.records import dataclass

if TYPE_CHECKING:
    from numbann.model.model import Model

REPEATS = 5
Score = Callable[[Sequence[np.ndarray]], float]


@dataclass(frozen=True)
class Importance:
    """How much each column matters to a model.

    metric: its name; better: "higher" or "lower"; score: its value on the rows as they are.  names (F,): the columns.
    values (F, repeats): by how much the metric gets worse, each time that a column is shuffled.  rows: how many there
    were.
    """

    metric: str
    better: str
    score: float
    names: tuple[str, ...]
    values: np.ndarray
    rows: int

    @property
    def mean(self) -> np.ndarray:
        """The mean of the repeats (F,)."""
        return self.values.mean(1)

    @property
    def deviation(self) -> np.ndarray:
        """The standard deviation of the repeats (F,)."""
        return self.values.std(1)

    @property
    def order(self) -> np.ndarray:
        """The places of the columns (F,), that of the most important one first."""
        return np.argsort(-self.mean, kind="stable")

    def to_json(self) -> dict[str, Any]:
        """Return JSON values, with the most important column first."""
        mean, deviation = self.mean.tolist(), self.deviation.tolist()
        columns = [{"name": self.names[k], "mean": mean[k], "deviation": deviation[k]} for k in self.order.tolist()]
        return {
            "metric": self.metric,
            "better": self.better,
            "score": self.score,
            "rows": self.rows,
            "columns": columns,
        }


def measure_importance(
    model: Model, raw: Raw, metric: str | None = None, repeats: int = REPEATS, seed: int = 0, rows: int | None = None
) -> Importance:
    """Measure the importance of each column on rows as they were read, with their targets.

    metric: the name of one; None for the first of the model's own.  rows: the most to take, at random; None for all.
    The draws are those of scikit-learn's permutation_importance with random_state=seed, 2024:
    https://scikit-learn.org/stable/modules/generated/sklearn.inspection.permutation_importance.html
    """
    if repeats < 1:
        raise DataError(f"repeats is {shown(repeats)}; shuffle each column once or more")
    raw = sample(model, raw, rows, seed)
    name, chosen = _metric(model, metric)
    sign = 1.0 if chosen.component.traits["better"] == "higher" else -1.0
    measure = _score(model, raw, chosen)
    inputs = [np.asarray(one.preprocessing.inputs(raw)) for one in model.models]
    places = [one.preprocessing.encoding.places for one in model.models]
    found, own = measure(inputs), np.random.RandomState(seed).randint(2**31)
    values = np.empty((len(model.features), repeats))
    for k, feature in enumerate(model.features):
        cells = [x[:, place[feature]].copy() for x, place in zip(inputs, places, strict=True)]
        random, order = np.random.RandomState(own), np.arange(len(raw.table))
        for repeat in range(repeats):
            random.shuffle(order)
            for x, place in zip(inputs, places, strict=True):
                x[:, place[feature]] = x[order, place[feature]]
            values[k, repeat] = sign * (found - measure(inputs))
        for x, place, one in zip(inputs, places, cells, strict=True):
            x[:, place[feature]] = one
    return Importance(name, chosen.component.traits["better"], found, model.features, values, len(raw.table))


def sample(model: Model, raw: Raw, rows: int | None, seed: int) -> Raw:
    """Return some rows at random, in their order, in memory; groups stay whole."""
    count = len(raw.table)
    if rows is None or rows >= count:
        return raw.take(np.arange(count))
    name, generator = model.preprocessing.reading.group, np.random.default_rng(seed)
    group = group_of(raw, name if name in raw.keys else None, slice(None))
    if group is not None:
        return raw.take(whole_groups(group, rows, generator))
    return raw.take(np.sort(generator.choice(count, rows, replace=False)))


def _metric(model: Model, name: str | None) -> tuple[str, Configured]:
    """Return a metric with its name: one of the model's own, or a built-in one."""
    own = model.resolved.measures
    if name is None:
        name = next(iter(own), model.preprocessing.task.metrics[0])
    return name, own.get(name) or built_in().get("metric", name).configured()


def _score(model: Model, raw: Raw, metric: Configured) -> Score:
    """Return a function that computes the metric of inputs, one array for each network of the model."""
    task, rows = model.preprocessing.task, model.preprocessing.describe(raw, None, need_target=True)
    own = {"weight": rows.weight, "group": rows.group, "truth": task.truth(rows.raw_target)}

    def measure(inputs: Sequence[np.ndarray]) -> float:
        y = model.mean(one.outputs(x) for one, x in zip(model.models, inputs, strict=True))
        (value,) = score([metric], task, outcome_of(model.resolved, y), rows.raw_target, **own).values()
        return value

    return measure
