"""The encoding of raw features as network inputs, by transforms fitted on the training part.

Letters: N rows, F features that are numbers, I inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from numbann.data.contract import ScaleNames
from numbann.data.table import INFINITE_NUMBER, Raw, RowSelection, count_of, row_at
from numbann.data.transforms import find_missing, find_scale
from numbann.data.transforms.categories import Categories
from numbann.data.transforms.one_hot import write_one_hot
from numbann.data.transforms.transform import Columns, ShiftScale, Transform
from numbann.errors import DataError

OTHER_SCALE = 'set data.scale to "standard" or "minmax"'


@dataclass(frozen=True)
class Encoding:
    """The fitted transforms of all features.

    features: the raw names in order.  categories: the categories of each text feature.  missing, then scales: the
    transforms of the other features, which are numbers.
    """

    features: tuple[str, ...]
    categories: Mapping[str, Categories]
    missing: Transform
    scales: tuple[Transform, ...]

    @cached_property
    def places(self) -> dict[str, slice]:
        """The inputs of each feature."""
        widths = (len(self.categories[name]) if name in self.categories else 1 for name in self.features)
        ends = list(accumulate(widths, initial=0))
        return {name: slice(*ends[k : k + 2]) for k, name in enumerate(self.features)}

    @property
    def inputs(self) -> int:
        """The number of inputs."""
        return self.places[self.features[-1]].stop

    def apply(self, raw: Raw, rows: RowSelection, dtype: Any) -> np.ndarray:
        """Return the inputs x (N, I) of some rows, C-contiguous."""
        x = (np.zeros if self.categories else np.empty)((count_of(rows, len(raw.table)), self.inputs), dtype)
        self._write_numbers(raw, rows, x)
        for name, codes in self.codes(raw, rows).items():
            write_one_hot(codes, x[:, self.places[name]])
        return x

    def codes(self, raw: Raw, rows: RowSelection) -> dict[str, np.ndarray]:
        """Return the category codes (N,) of each text feature."""
        return {name: known.apply(raw.table.texts[name], rows) for name, known in self.categories.items()}

    def unseen(self, raw: Raw, rows: RowSelection) -> tuple[str, ...]:
        """Return a warning for each feature with categories that the training part does not have."""
        warnings = (known.warn(raw.table.texts[name], rows, name) for name, known in self.categories.items())
        return tuple(warning for warning in warnings if warning)

    def affine(self) -> ShiftScale | None:
        """Return shift and scale (I,) if every input is just (feature - shift) / scale, missing numbers apart."""
        return None if self.categories or len(self.scales) > 1 else self.scales[0].affine()

    def _write_numbers(self, raw: Raw, rows: RowSelection, x: np.ndarray) -> None:
        numbers = [self.places[name].start for name in self.features if name not in self.categories]
        inputs = np.array(numbers, np.intp) if self.categories else slice(None)
        first = 0
        with np.errstate(over="ignore"):
            for values in Columns(raw, rows, (self.missing, *self.scales)).blocks():
                part = x[first : first + len(values)]
                part[:, inputs] = values
                if not np.isfinite(part).all():
                    place, column = np.argwhere(~np.isfinite(part[:, inputs]))[0]
                    raise _too_large(raw, row_at(rows, first + place), column, x.dtype)
                first += len(values)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values from which from_dict restores the same encoding, floats bit for bit."""
        return {
            "features": self.features,
            "categories": {name: known.values for name, known in self.categories.items()},
            "missing": self.missing.to_dict(),
            "scales": [scale.to_dict() for scale in self.scales],
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Encoding:
        """Restore the encoding that to_dict wrote."""
        return cls(
            tuple(given["features"]),
            {name: Categories(tuple(values)) for name, values in given["categories"].items()},
            find_missing(given["missing"]["type"]).from_dict(given["missing"]),
            tuple(find_scale(scale["type"]).from_dict(scale) for scale in given["scales"]),
        )


def _too_large(raw: Raw, row: int, column: int, dtype: np.dtype) -> DataError:
    """Return the error for a number that is infinite, or becomes so once it is scaled and stored."""
    given = raw.table.block(slice(row, row + 1))[0, column]
    what = INFINITE_NUMBER if np.isinf(given) else f"{given:g}, once scaled, is too large for {dtype}; {OTHER_SCALE}"
    return raw.fault(row, raw.table.number_names[column], what, None if np.isinf(given) else "data.scale")


def _too_large_to_fit(raw: Raw, rows: RowSelection, column: int, scale: str) -> DataError:
    """Return the error for a column whose numbers overflow float64 while a scale is fitted."""
    values = raw.table.column(rows, column)
    place = int(np.nanargmax(np.abs(values)))
    what = f'{values[place]:g} is too large for the scale "{scale}"; divide the column by a power of ten'
    return raw.fault(row_at(rows, place), raw.table.number_names[column], what, "data.scale")


def fit_categories(raw: Raw, rows: RowSelection) -> dict[str, Categories]:
    """Return the categories of each text feature among the rows."""
    texts = raw.table.texts
    return {name: Categories.fit(texts[name], rows, name) for name in raw.table.names if name in texts}


def fit_encoding(
    raw: Raw, rows: RowSelection, categories: Mapping[str, Categories], missing: str, scale: ScaleNames
) -> Encoding:
    """Fit the transforms that the spec names on the training rows, each after those before it."""
    fitted = [find_missing(missing).fit(Columns(raw, rows))]
    for name in [scale] if isinstance(scale, str) else scale:
        fitted.append(find_scale(name).fit(Columns(raw, rows, fitted)))
        for values in vars(fitted[-1]).values():
            if not np.isfinite(values).all():
                raise _too_large_to_fit(raw, rows, int(np.argmin(np.isfinite(values))), name)
    return Encoding(raw.table.names, categories, fitted[0], tuple(fitted[1:]))
