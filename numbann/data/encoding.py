"""From raw features to network inputs by transforms that are fitted on the training part: numbers, and category codes.

Letters: N rows, F features that are numbers, I inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from numbann.data.contract import Scale
from numbann.data.table import Raw, Rows, count_of
from numbann.data.transforms import find_missing, find_scale
from numbann.data.transforms.categories import Categories
from numbann.data.transforms.one_hot import write_one_hot
from numbann.data.transforms.transform import Columns, ShiftScale, Transform
from numbann.errors import DataError

OTHER_SCALE = 'set data.scale to "standard" or "minmax"'


@dataclass(frozen=True)
class Encoding:
    """features: raw names in order; categories: those of each text feature; missing, then scales: what happens to the
    others, which are numbers."""

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
        """How many inputs there are."""
        return self.places[self.features[-1]].stop

    def apply(self, raw: Raw, rows: Rows, dtype: Any) -> np.ndarray:
        """x (N, I), C-contiguous."""
        x = np.zeros((count_of(rows, len(raw.table)), self.inputs), dtype)
        self._write_numbers(raw, rows, x)
        for name, codes in self.codes(raw, rows).items():
            write_one_hot(codes, x[:, self.places[name]])
        return x

    def codes(self, raw: Raw, rows: Rows) -> dict[str, np.ndarray]:
        """The category codes (N,) of each text feature."""
        return {name: known.apply(raw.table.texts[name], rows) for name, known in self.categories.items()}

    def unseen(self, raw: Raw, rows: Rows) -> tuple[str, ...]:
        """A warning for each feature with categories that training never saw."""
        warnings = (known.warn(raw.table.texts[name], rows, name) for name, known in self.categories.items())
        return tuple(warning for warning in warnings if warning)

    def affine(self) -> ShiftScale | None:
        """shift and scale (I,) if inputs are (feature - shift) / scale and nothing else; missing numbers apart."""
        return None if self.categories or len(self.scales) > 1 else self.scales[0].affine()

    def _write_numbers(self, raw: Raw, rows: Rows, x: np.ndarray) -> None:
        numbers = [self.places[name].start for name in self.features if name not in self.categories]
        inputs = np.array(numbers, np.intp) if self.categories else slice(None)
        first = 0
        with np.errstate(over="ignore"):
            for values in Columns(raw, rows, (self.missing, *self.scales)).blocks():
                part = x[first : first + len(values)]
                part[:, inputs] = values
                if not np.isfinite(part).all():
                    raise DataError(f"there are numbers too large for {x.dtype}; {OTHER_SCALE}", key="data.scale")
                first += len(values)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; from_dict gives the same back, floats bit for bit."""
        return {
            "features": self.features,
            "categories": {name: known.values for name, known in self.categories.items()},
            "missing": self.missing.to_dict(),
            "scales": [scale.to_dict() for scale in self.scales],
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Encoding:
        """The encoding that to_dict wrote, also before the transforms in it had names."""
        if "shift" in given:  # a filling, and one scaling of whatever name, which standard applies alike
            missing = {"type": "error"} if given["fill"] is None else {"type": "mean", "fill": given["fill"]}
            given = {**given, "missing": missing, "scales": [{"type": "standard", **given}]}
        return cls(
            tuple(given["features"]),
            {name: Categories(tuple(values)) for name, values in given["categories"].items()},
            find_missing(given["missing"]["type"]).from_dict(given["missing"]),
            tuple(find_scale(scale["type"]).from_dict(scale) for scale in given["scales"]),
        )


def fit_categories(raw: Raw, rows: Rows) -> dict[str, Categories]:
    """The categories of each text feature among the rows."""
    texts = raw.table.texts
    return {name: Categories.fit(texts[name], rows, name) for name in raw.table.names if name in texts}


def fit_encoding(raw: Raw, rows: Rows, categories: Mapping[str, Categories], missing: str, scale: Scale) -> Encoding:
    """The transforms that the spec names, fitted on the training rows one after the other."""
    fitted = [find_missing(missing).fit(Columns(raw, rows))]
    for name in [scale] if isinstance(scale, str) else scale:
        fitted.append(find_scale(name).fit(Columns(raw, rows, fitted)))
        if not all(np.isfinite(values).all() for values in vars(fitted[-1]).values()):
            raise DataError(f'numbers too large for the scale "{name}"; rescale the data', key="data.scale")
    return Encoding(raw.table.names, categories, fitted[0], tuple(fitted[1:]))
