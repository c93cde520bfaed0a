"""Everything fitted on the training part, so that new data becomes inputs alike.  It keeps no rows."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from numbann.data.encoding import Encoding
from numbann.data.frames import raw_from_python
from numbann.data.path import find_new_source
from numbann.data.reading import Reading
from numbann.data.streaming import Inputs, inputs_of
from numbann.data.table import check_not_negative, check_targets
from numbann.data.target import Target
from numbann.data.weights import check_weight, loss_weight, weight_of
from numbann.data.wording import quoted


class NewData(NamedTuple):
    """x (N, I), and of each row the target as it came and the weight, None where there are none; warnings."""

    x: Inputs
    raw_target: Any
    weight: np.ndarray | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Preprocessing:
    """How files are read, features encoded and targets scaled; `dtype` is that of the inputs.

    positive: whether a target below 0 is an error; class_weights: a weight for each class, none if all count alike.
    """

    reading: Reading
    encoding: Encoding
    target: Target
    format: str
    dtype: str
    positive: bool = False
    class_weights: tuple[float, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """The raw features in order."""
        return self.encoding.features

    @property
    def inputs(self) -> int:
        """How many inputs the network has."""
        return self.encoding.inputs

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; from_dict gives the same back, floats bit for bit."""
        fitted = {"reading": asdict(self.reading), "encoding": self.encoding.to_dict(), "target": asdict(self.target)}
        return {**vars(self), **fitted}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Preprocessing:
        reading, target = Reading(**_tuples(given["reading"])), Target(**_tuples(given["target"]))
        fitted = {"reading": reading, "encoding": Encoding.from_dict(given["encoding"]), "target": target}
        return cls(**{**_tuples(given), **fitted})

    def transform(self, features: Any) -> np.ndarray:
        """x (N, I) of raw features: an array in feature order, a mapping of columns, or a frame."""
        raw = raw_from_python(features, self.features, tuple(self.encoding.categories))
        for warning in self.encoding.unseen(raw, slice(None)):
            warnings.warn(warning, stacklevel=2)
        return self.encoding.apply(raw, slice(None), self.dtype)

    def read(self, source: Any, need_target: bool) -> NewData:
        """The rows of a file, an object of files, or "-"; their targets and weights only if needed."""
        found = find_new_source(source, Path(), self.format, need_target)
        raw = found.read(self.reading, need_target)
        check_targets(raw)
        check_weight(raw, self.reading.weight)
        if self.positive:
            check_not_negative(raw)
        rows = slice(None)
        x = inputs_of(self.encoding, raw, rows, self.dtype, len(raw.table))
        warnings = self.encoding.unseen(raw, rows)
        if need_target and self.reading.weight is not None and raw.weight is None:
            warnings += (f"there are no weights {quoted(self.reading.weight)}; all rows count alike",)
        return NewData(x, self.target.original(raw) if need_target else None, weight_of(raw, rows), warnings)

    def loss_weight(self, raw_target: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
        """How much each row counts in the loss (N,): its weight times its class's; None where all count alike."""
        return loss_weight(self.target, self.class_weights, raw_target, weight)


def _tuples(value: Any) -> Any:
    """JSON's lists as tuples, at any depth."""
    if isinstance(value, Mapping):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
