"""Partial dependence: what a model predicts on average where all rows have one value in a column.

Friedman 2001, https://doi.org/10.1214/aos/1013203451.  The rows keep their other columns, so that some of them become
rows that never occur: tall ones of little weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from numbann.data.columns import MISSING, texts_from
from numbann.data.dates import dates_as_texts, iso_text
from numbann.data.table import Raw
from numbann.data.transforms.code import Code
from numbann.data.wording import nearest, quoted
from numbann.errors import DataError
from numbann.model.importance import sample
from numbann.model.outputs import outcome_of
from numbann.records import dataclass

if TYPE_CHECKING:
    from numbann.model.model import Model

POINTS = 20
ENDS = (0.05, 0.95)  # the quantiles between which the points of a column of numbers lie


@dataclass(frozen=True)
class Dependence:
    """What a model predicts by the values of a column.

    column: its name.  grid (G,): numbers, dates, or texts, those of most rows first.  values: for each of the model's
    outputs by its name (as of `predict(outputs="all")`), the mean of the predictions (G,).  rows: how many there were.
    """

    column: str
    grid: np.ndarray
    values: Mapping[str, np.ndarray]
    rows: int

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        values = {name: each.tolist() for name, each in self.values.items()}
        return {"column": self.column, "grid": dates_as_texts(self.grid).tolist(), "values": values, "rows": self.rows}


def measure_dependence(
    model: Model, raw: Raw, column: str, grid: Iterable[Any] | int = POINTS, seed: int = 0, rows: int | None = None
) -> Dependence:
    """Measure what a model predicts by the values of a column, on rows as they were read.

    grid: the values, or how many: of numbers and dates evenly spaced ones (or each, if there are fewer), of texts the
    commonest.  rows: the most to take, at random; None for all.
    """
    if column not in model.features:
        raise DataError(f"{quoted(column)} is no column of the model{nearest(column, model.features)}")
    code = model.preprocessing.encoding.codes.get(column)
    chosen = _grid(raw, column, grid, code) if isinstance(grid, int) else np.asarray([*grid])
    if not len(chosen):
        raise DataError(f"column {quoted(column)} holds no value in these rows; give some: grid=[...]")
    raw = sample(model, raw, rows, seed)
    means = [*_mean_outputs(model, raw, column, chosen)]
    return Dependence(
        column, chosen, {name: np.array([one[name] for one in means]) for name in means[0]}, len(raw.table)
    )


def _mean_outputs(model: Model, raw: Raw, column: str, grid: np.ndarray) -> Iterator[dict[str, float]]:
    """Yield the means over rows of everything that the model gives, for each value in the column of all of them."""
    each = _row_with_each(raw, column, grid)
    model.preprocessing.encoding.check(each)
    inputs = [np.asarray(one.preprocessing.inputs(raw)) for one in model.models]
    given = [np.asarray(one.preprocessing.inputs(each)) for one in model.models]
    places = [one.preprocessing.encoding.places[column] for one in model.models]
    for k in range(len(grid)):
        for x, new, place in zip(inputs, given, places, strict=True):
            x[:, place] = new[k, place]
        y = model.mean(one.outputs(x) for one, x in zip(model.models, inputs, strict=True))
        columns = model.preprocessing.task.columns(outcome_of(model.resolved, y))
        yield {name: float(values.mean(dtype=np.float64)) for name, values in columns.items()}


def _grid(raw: Raw, column: str, points: int, code: Code | None) -> np.ndarray:
    """Choose values of a column."""
    if column in raw.table.texts:
        texts = raw.table.texts[column]
        dates = None if code is None else code.dates(texts.values)
        if dates is not None:
            return _spread_dates(dates[texts.codes[texts.codes != MISSING]], points)
        counts = np.bincount(texts.codes[texts.codes != MISSING], minlength=len(texts.values))
        return np.array([texts.values[k] for k in np.argsort(-counts, kind="stable")[:points] if counts[k]], object)
    cells = np.asarray(raw.table.column(slice(None), raw.table.number_names.index(column)), np.float64)
    return _spread(cells[np.isfinite(cells)], points)


def _spread(cells: np.ndarray, points: int) -> np.ndarray:
    """Return each value that there is, or evenly spaced ones."""
    values = np.unique(cells)
    if len(values) <= points:
        return values
    low, high = np.quantile(cells, ENDS).tolist()
    return np.linspace(low, high, points)


def _spread_dates(dates: np.ndarray, points: int) -> np.ndarray:
    """Return dates as `_spread` does numbers: days, where no date has a time."""
    dates = dates[~np.isnat(dates)]
    unit = "datetime64[D]" if (dates == dates.astype("datetime64[D]")).all() else "datetime64[s]"
    spread = _spread(dates.astype(unit).astype(np.int64), points)
    return np.unique(spread.astype(np.int64)).astype(unit).astype("datetime64[s]")


def _row_with_each(raw: Raw, column: str, grid: np.ndarray) -> Raw:
    """Return the first row as often as there are values, with each of them in the column."""
    same = raw.take(np.zeros(len(grid), np.intp))
    table = same.table
    if column in table.texts:
        texts = texts_from(map(iso_text, grid))
        return replace(same, table=replace(table, texts={**table.texts, column: texts}))
    numbers = np.array(table.block(slice(None)), np.float64)
    numbers[:, table.number_names.index(column)] = grid
    return replace(same, table=replace(table, numbers=numbers, columns=None))
