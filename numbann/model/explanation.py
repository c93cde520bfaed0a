"""The explanation of predictions: what each column adds to that of a row, beside rows to compare with.

A walk starts at another row and sets its columns, one after the other in a random order, to the cells of the row that
is explained; what the prediction moves by belongs to the column.  The mean over walks is the column's Shapley value:
Strumbelj and Kononenko 2014, https://doi.org/10.1007/s10115-013-0679-x.  Each order is walked in both directions:
Mitchell, Cooper, Frank and Holmes 2022, https://jmlr.org/papers/v23/21-0439.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from numbann.data.table import Raw
from numbann.errors import DataError, shown
from numbann.model.outputs import outcome_of
from numbann.records import dataclass

if TYPE_CHECKING:
    from numbann.model.model import Model

WALKS = 64
BLOCK = 1 << 15  # rows that are predicted at a time


@dataclass(frozen=True)
class Explanation:
    """What each column adds to the predictions of rows.

    names (F,): the columns.  base: for each of the model's outputs by its name (as of `predict(outputs="all")`), what
    is predicted on average of the rows to compare with.  predicted: what is predicted of the rows (N,).  values: what
    each column adds (N, F), so that base + values.sum(1) = predicted.
    """

    names: tuple[str, ...]
    base: Mapping[str, float]
    predicted: Mapping[str, np.ndarray]
    values: Mapping[str, np.ndarray]

    def to_json(self) -> dict[str, Any]:
        """Return JSON values: for each output its base, what is predicted of each row, and what columns add to that."""
        return {
            name: {
                "base": base,
                "predicted": self.predicted[name].tolist(),
                "columns": dict(zip(self.names, self.values[name].T.tolist(), strict=True)),
            }
            for name, base in self.base.items()
        }


def measure_explanation(model: Model, raw: Raw, others: Raw, walks: int = WALKS, seed: int = 0) -> Explanation:
    """Explain the predictions of rows beside others, all as they were read."""
    if walks < 2 or walks % 2:
        what = "each order is walked in both directions: give an even number, from 2"
        raise DataError(f"walks is {shown(walks)}; {what}")
    if not len(others.table) or not len(raw.table):
        raise DataError("there are no rows to explain, or none to compare with; give some of both")
    random, half = np.random.default_rng(seed), walks // 2
    chosen = np.resize(random.permutation(len(others.table)), half)
    orders = random.permuted(np.tile(np.arange(len(model.features)), (half, 1)), axis=1)
    orders = np.concatenate([orders, orders[:, ::-1]])
    starts = [np.tile(np.asarray(one.preprocessing.inputs(others))[chosen], (2, 1)) for one in model.models]
    goals = [np.asarray(one.preprocessing.inputs(raw)) for one in model.models]
    size = max(1, BLOCK // walks)
    blocks = [
        _walk(model, starts, [x[first : first + size] for x in goals], orders)
        for first in range(0, len(raw.table), size)
    ]
    values = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    means = {name: float(each.mean()) for name, each in _predict(model, starts).items()}
    predicted = {name: means[name] + each.sum(1) for name, each in values.items()}
    return Explanation(model.features, means, predicted, values)


def _walk(
    model: Model, starts: Sequence[np.ndarray], goals: Sequence[np.ndarray], orders: np.ndarray
) -> dict[str, np.ndarray]:
    """Return what each column adds (n, F) to each output, as the mean over walks.

    starts (W, I), goals (n, I): inputs of each network of the model.  orders (W, F): of the columns in each walk.
    """
    (walks, width), count = orders.shape, len(goals[0])
    places = [[one.preprocessing.encoding.places[name] for name in model.features] for one in model.models]
    x = [np.repeat(start[:, None], count, axis=1) for start in starts]
    before = _predict(model, x)
    values = {name: np.zeros((count, width)) for name in before}
    for step in range(width):
        for inputs, goal, place in zip(x, goals, places, strict=True):
            for walk, column in enumerate(orders[:, step].tolist()):
                inputs[walk][:, place[column]] = goal[:, place[column]]
        after = _predict(model, x)
        for name, added in values.items():
            for walk, column in enumerate(orders[:, step].tolist()):
                added[:, column] += (after[name][walk] - before[name][walk]) / walks
        before = after
    return values


def _predict(model: Model, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Return every output (...) of inputs (..., I) of each network of the model."""
    shape = inputs[0].shape[:-1]
    y = model.mean(one.outputs(x.reshape(-1, x.shape[-1])) for one, x in zip(model.models, inputs, strict=True))
    columns = model.preprocessing.task.columns(outcome_of(model.resolved, y))
    return {name: np.asarray(each, np.float64).reshape(shape) for name, each in columns.items()}
