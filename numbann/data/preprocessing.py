"""Everything fitted on the training part, so that new data becomes inputs alike.  It keeps no rows."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from numbann.data.encoding import Encoding
from numbann.data.frames import raw_from_python
from numbann.data.readers import find_new_source, read_source
from numbann.data.reading import Reading
from numbann.data.streaming import Inputs, inputs_of
from numbann.data.table import check_targets
from numbann.data.target import Target


@dataclass(frozen=True)
class Preprocessing:
    """How files are read, features encoded and targets scaled; `dtype` is that of the inputs."""

    reading: Reading
    encoding: Encoding
    target: Target
    format: str
    dtype: str

    @property
    def features(self) -> tuple[str, ...]:
        """The raw features in order."""
        return self.encoding.features

    @property
    def inputs(self) -> int:
        """How many inputs the network has."""
        return self.encoding.inputs

    @property
    def targets(self) -> tuple[str, ...]:
        return self.target.names

    @property
    def classes(self) -> tuple[Any, ...] | None:
        return self.target.classes

    @property
    def pairs(self) -> tuple[tuple[Any, Any], ...] | None:
        """The two values of each yes/no label, the second meaning yes."""
        return self.target.pairs

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; from_dict gives the same back, floats bit for bit."""
        return asdict(self)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Preprocessing:
        return cls(
            reading=Reading.from_dict(given["reading"]),
            encoding=Encoding(**_tuples(given["encoding"])),
            target=Target(**_tuples(given["target"])),
            format=given["format"],
            dtype=given["dtype"],
        )

    def transform(self, features: Any) -> np.ndarray:
        """x (N, I) of raw features: an array in feature order, a mapping of columns, or a frame."""
        raw = raw_from_python(features, self.features, tuple(self.encoding.categories))
        for warning in self.encoding.unseen(raw, slice(None)):
            warnings.warn(warning, stacklevel=2)
        return self.encoding.apply(raw, slice(None), self.dtype)

    def read(self, source: Any, need_target: bool) -> tuple[Inputs, np.ndarray | None, tuple[str, ...]]:
        """x (N, I), the target as it came (None unless needed) and warnings, of a file, an object of files, or "-"."""
        found = find_new_source(source, Path(), self.format, need_target)
        raw = read_source(found, self.reading, need_target)
        check_targets(raw)
        rows = slice(None)
        x = inputs_of(self.encoding, raw, rows, self.dtype, len(raw.table))
        return x, self.target.original(raw) if need_target else None, self.encoding.unseen(raw, rows)

    def labels(self, indices: Iterable[int]) -> list[Any]:
        """The labels of class indices, as they came."""
        return self.target.labels(indices)

    def unscale(self, y: np.ndarray) -> np.ndarray:
        """Outputs (N, T) in the target's own unit."""
        return self.target.unscale(y)

    def encode(self, raw_target: Any, target: str, dtype: Any) -> np.ndarray:
        """The target as Source.prepare encodes it."""
        return self.target.encode(raw_target, target, dtype)


def _tuples(value: Any) -> Any:
    """JSON's lists as tuples, at any depth."""
    if isinstance(value, Mapping):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
