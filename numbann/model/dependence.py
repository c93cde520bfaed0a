"""Partial dependence: what a model predicts on average where all rows have one value in a column.

Friedman 2001, https://doi.org/10.1214/aos/1013203451.  The rows keep their other columns, so that some of them become
rows that never occur: tall ones of little weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from numbann.data.columns import MISSING, Texts
from numbann.data.table import Raw
from numbann.data.wording import nearest, quoted
from numbann.errors import DataError
from numbann.model.importance import sample
from numbann.model.outputs import outcome_of

if TYPE_CHECKING:
    from numbann.model.model import Model

POINTS = 20
ENDS = (0.05, 0.95)  # the quantiles between which the points of a column of numbers lie


@dataclass(frozen=True)
class Dependence:
    """What a model predicts by the values of a column.

    column: its name.  grid (G,): numbers, or texts, those of most rows first.  values: for each of the model's outputs
    by its name (as of `predict(outputs="all")`), the mean of the predictions (G,).  rows: how many there were.
    """

    column: str
    grid: np.ndarray
    values: Mapping[str, np.ndarray]
    rows: int

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        values = {name: each.tolist() for name, each in self.values.items()}
        return {"column": self.column, "grid": self.grid.tolist(), "values": values, "rows": self.rows}


def measure_dependence(
    model: Model, raw: Raw, column: str, grid: Iterable[Any] | int = POINTS, seed: int = 0, rows: int | None = None
) -> Dependence:
    """Measure what a model predicts by the values of a column, on rows as they were read.

    grid: the values, or how many: of numbers evenly spaced ones (or each, if there are fewer), of texts the commonest.
    rows: the most to take, at random; None for all.
    """
    if column not in model.features:
        raise DataError(f"{quoted(column)} is no column of the model{nearest(column, model.features)}")
    raw = sample(model, raw, rows, seed)
    chosen = _grid(raw, column, grid) if isinstance(grid, int) else np.asarray([*grid])
    if not len(chosen):
        raise DataError(f"column {quoted(column)} holds no value in these rows; give some: grid=[...]")
    means = [_mean_outputs(model, one) for one in _with_each(raw, column, chosen)]
    return Dependence(
        column, chosen, {name: np.array([one[name] for one in means]) for name in means[0]}, len(raw.table)
    )


def _mean_outputs(model: Model, raw: Raw) -> dict[str, float]:
    """Return the mean over rows of everything that the model gives."""
    model.preprocessing.encoding.check(raw)
    y = model.mean(one.outputs(one.preprocessing.inputs(raw)) for one in model.models)
    columns = model.preprocessing.task.columns(outcome_of(model.resolved, y))
    return {name: float(values.mean(dtype=np.float64)) for name, values in columns.items()}


def _grid(raw: Raw, column: str, points: int) -> np.ndarray:
    """Choose values of a column."""
    if column in raw.table.texts:
        texts = raw.table.texts[column]
        counts = np.bincount(texts.codes[texts.codes != MISSING], minlength=len(texts.values))
        return np.array([texts.values[k] for k in np.argsort(-counts, kind="stable")[:points] if counts[k]], object)
    cells = np.asarray(raw.table.column(slice(None), raw.table.number_names.index(column)), np.float64)
    values = np.unique(cells[np.isfinite(cells)])
    if len(values) <= points:
        return values
    low, high = np.quantile(cells[np.isfinite(cells)], ENDS).tolist()
    return np.linspace(low, high, points)


def _with_each(raw: Raw, column: str, grid: Sequence[Any] | np.ndarray) -> Iterator[Raw]:
    """Yield the rows with each value in a column of all of them."""
    table, count = raw.table, len(raw.table)
    if column in table.texts:
        for value in grid:
            same = Texts(np.zeros(count, np.int32), (str(value),))
            yield replace(raw, table=replace(table, texts={**table.texts, column: same}))
        return
    numbers = np.array(table.block(slice(None)), np.float64)
    for value in grid:
        numbers[:, table.number_names.index(column)] = value
        yield replace(raw, table=replace(table, numbers=numbers, columns=None))
