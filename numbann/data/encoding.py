"""From raw features to network inputs: filling, scaling, one-hot; fitted on the training part.  It reads no file.

Letters: N rows, F features that are numbers, I inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from numbann.data.columns import MISSING, Texts
from numbann.data.table import MISSING_NUMBER, Raw, Rows, Table, count_of
from numbann.data.wording import counted, listed, quoted
from numbann.errors import DataError

MOST_CATEGORIES = 10_000
OTHER_SCALE = 'set data.scale to "standard" or "minmax"'
Categories = Mapping[str, tuple[str | None, ...]]


@dataclass(frozen=True)
class Encoding:
    """features: raw names in order; categories: those of each text feature, None for missing; fill (F,), None where a
    missing number is an error; an input is (number - shift) / scale, shift and scale (F,)."""

    features: tuple[str, ...]
    categories: Categories
    fill: tuple[float, ...] | None
    shift: tuple[float, ...]
    scale: tuple[float, ...]

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """How many inputs each feature takes."""
        return tuple(len(self.categories[name]) if name in self.categories else 1 for name in self.features)

    @cached_property
    def inputs(self) -> int:
        return sum(self.widths)

    def apply(self, raw: Raw, rows: Rows, dtype: Any) -> np.ndarray:
        """x (N, I), C-contiguous."""
        x = np.zeros((count_of(rows, len(raw.table)), self.inputs), dtype)
        if not self.categories:
            self._write_numbers(raw, rows, x, slice(None))
            return x
        starts = dict(zip(self.features, accumulate(self.widths, initial=0), strict=False))
        numbers = [starts[name] for name in self.features if name not in self.categories]
        self._write_numbers(raw, rows, x, np.array(numbers, np.intp))
        for name in self.categories:
            self._write_texts(raw.table.texts[name], rows, x, starts[name], name)
        return x

    def unseen(self, raw: Raw, rows: Rows) -> tuple[str, ...]:
        """A warning for each feature with categories that training never saw."""
        warnings = (self._unseen(raw.table.texts[name], rows, name) for name in self.categories)
        return tuple(warning for warning in warnings if warning)

    def _write_numbers(self, raw: Raw, rows: Rows, x: np.ndarray, inputs: slice | np.ndarray) -> None:
        shift, scale = np.array(self.shift), np.array(self.scale)
        first = 0
        for block in raw.table.blocks(rows):
            values = _filled(raw, block, self.fill)
            with np.errstate(over="ignore"):
                values -= shift
                values /= scale
                x[first : first + len(values), inputs] = values
            if not np.isfinite(x[first : first + len(values)]).all():
                raise DataError(f"there are numbers too large for {x.dtype}; {OTHER_SCALE}", key="data.scale")
            first += len(values)

    def _write_texts(self, column: Texts, rows: Rows, x: np.ndarray, start: int, name: str) -> None:
        """Write the ones; a row of an unseen category stays all zeros."""
        position = {category: start + i for i, category in enumerate(self.categories[name])}
        inputs = np.array([position.get(text, -1) for text in (*column.values, None)])[column.codes[rows]]
        seen = np.flatnonzero(inputs >= 0)
        x[seen, inputs[seen]] = 1

    def _unseen(self, column: Texts, rows: Rows, name: str) -> str | None:
        """Say how many rows have an unseen category."""
        texts, codes = (*column.values, None), column.codes[rows]
        known = np.isin(codes, [code for code, text in enumerate(texts[:-1]) if text in self.categories[name]])
        if None in self.categories[name]:
            known |= codes == MISSING
        if known.all():
            return None
        unseen = sorted({texts[code] or "" for code in np.unique(codes[~known])})
        return (
            f"column {quoted(name)}: {counted(int((~known).sum()), 'row')} with a category that the training part "
            f"does not have ({listed(unseen)}); all of its inputs are 0 there"
        )


def _filled(raw: Raw, block: Rows, fill: tuple[float, ...] | None) -> np.ndarray:
    """A block of numbers as float64 (n, F), of its own, nothing missing."""
    values = raw.table.block(block).astype(np.float64)
    missing = np.isnan(values)
    if not missing.any():
        return values
    row, column = np.argwhere(missing)[0]
    if fill is None:
        number = block.start + row if isinstance(block, slice) else block[row]
        name = raw.table.number_names[column]
        raise DataError(f"{raw.place(int(number))}, column {quoted(name)}: {MISSING_NUMBER}", key="data.missing")
    return np.where(missing, np.array(fill), values)


def fit_categories(table: Table, rows: Rows) -> Categories:
    """The sorted categories of each text feature among the rows; missing, if it occurs, is the last."""
    return {name: _categories(table.texts[name], rows, name) for name in table.names if name in table.texts}


def _categories(column: Texts, rows: Rows, name: str) -> tuple[str | None, ...]:
    codes = np.unique(column.codes[rows])
    texts = sorted(column.values[code] for code in codes if code != MISSING)
    if len(texts) > MOST_CATEGORIES:
        raise DataError(
            f"column {quoted(name)} has {len(texts)} categories, more than {MOST_CATEGORIES}; leave it out (data.drop)",
            key="data.drop",
        )
    return (*texts, None) if MISSING in codes else tuple(texts)


def fit_encoding(raw: Raw, rows: Rows, categories: Categories, missing: str, scale: str) -> Encoding:
    """Fill-in values and scaling of the training rows."""
    fill = None if missing == "error" else _fill(raw.table, rows, missing)
    shift, factor = SCALINGS[scale](raw, rows, fill)
    if not (np.isfinite(shift).all() and np.isfinite(factor).all()):
        raise DataError(f'numbers too large for the scale "{scale}"; rescale the data', key="data.scale")
    return Encoding(raw.table.names, categories, fill, tuple(shift.tolist()), tuple(factor.tolist()))


def _fill(table: Table, rows: Rows, missing: str) -> tuple[float, ...]:
    """The mean or median of what is there in each column."""
    counts, sums = np.zeros((2, len(table.number_names)))
    for block in table.blocks(rows):
        values = table.block(block).astype(np.float64)
        counts += (~np.isnan(values)).sum(axis=0)
        sums += np.nansum(values, axis=0)
    if not counts.all():
        name = table.number_names[int(np.argmin(counts))]
        raise DataError(
            f"column {quoted(name)} has no number among the training rows; drop it (data.drop)", key="data.drop"
        )
    if missing == "mean":
        return tuple((sums / counts).tolist())
    return tuple(float(np.nanmedian(table.column(rows, k).astype(np.float64))) for k in range(len(counts)))


Scaling = tuple[np.ndarray, np.ndarray]


def _blocks(raw: Raw, rows: Rows, fill: tuple[float, ...] | None) -> Iterator[np.ndarray]:
    return (_filled(raw, block, fill) for block in raw.table.blocks(rows))


def _standard(raw: Raw, rows: Rows, fill: tuple[float, ...] | None) -> Scaling:
    """Mean 0 and variance 1; a constant column is divided by 1.

    The rows are read once.  n rows of mean a and squares S and a block of m rows of mean b and squares R have together
    the mean a + (b - a) m / (n + m) and the squares S + R + (b - a)^2 n m / (n + m), squares being summed squares of
    differences from the mean.  Chan, Golub and LeVeque 1979,
    http://i.stanford.edu/pub/cstr/reports/cs/tr/79/773/CS-TR-79-773.pdf.
    """
    count, (mean, squares) = 0, np.zeros((2, len(raw.table.number_names)))
    low = np.full_like(mean, np.inf)
    high = -low
    with np.errstate(over="ignore", invalid="ignore"):
        for values in _blocks(raw, rows, fill):
            low, high = np.minimum(low, values.min(axis=0)), np.maximum(high, values.max(axis=0))
            total, block_mean = count + len(values), values.mean(axis=0)
            apart = block_mean - mean
            squares += ((values - block_mean) ** 2).sum(axis=0) + apart**2 * (count * len(values) / total)
            mean += apart * (len(values) / total)
            count = total
    return np.where(low == high, low, mean), np.where(low == high, 1.0, np.sqrt(squares / count))


def _minmax(raw: Raw, rows: Rows, fill: tuple[float, ...] | None) -> Scaling:
    """The least is 0, the largest 1; a constant column is divided by 1."""
    low = np.full(len(raw.table.number_names), np.inf)
    high = -low
    for values in _blocks(raw, rows, fill):
        low, high = np.minimum(low, values.min(axis=0)), np.maximum(high, values.max(axis=0))
    with np.errstate(over="ignore"):
        return low, np.where(low == high, 1.0, high - low)


def _constant(divisor: float) -> Any:
    def scaling(raw: Raw, rows: Rows, fill: tuple[float, ...] | None) -> Scaling:
        width = len(raw.table.number_names)
        return np.zeros(width), np.full(width, divisor)

    return scaling


SCALINGS = {"standard": _standard, "minmax": _minmax, "byte": _constant(255.0), "none": _constant(1.0)}
