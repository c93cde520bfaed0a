"""The preprocessing fitted on the training part, which turns new data into inputs in the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from numbann.data.contract import as_tuples
from numbann.data.encoding import Encoding
from numbann.data.files import Files
from numbann.data.frames import raw_from_python
from numbann.data.given import is_given, source_of
from numbann.data.joining import read_source
from numbann.data.parts import group_of
from numbann.data.path import find_new_source
from numbann.data.reading import Reading
from numbann.data.streaming import Inputs, inputs_of
from numbann.data.table import Raw, check_range, check_targets
from numbann.data.tasks import task_from_dict
from numbann.data.tasks.task import Task
from numbann.data.weights import check_weight, weight_of
from numbann.data.wording import quoted
from numbann.errors import warn
from numbann.records import dataclass

PLAIN = ("dtype", "kinds", "class_weights", "usual")  # the fields that are stored unchanged


class NewData(NamedTuple):
    """New data: x (N, I), targets as given, weights (N,) and groups (N,), None where there are none, and warnings."""

    x: Inputs
    raw_target: Any
    weight: np.ndarray | None
    group: np.ndarray | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Preprocessing:
    """How files are read, and how features and targets are encoded.

    task: encodes the targets.  dtype: the inputs' type.  kinds: the targets that the
    loss is defined for, one for each column: see check_range.
    class_weights: one weight per class; empty if all classes count the same.  usual: see `Task.usual`.
    """

    reading: Reading
    encoding: Encoding
    task: Task
    dtype: str
    kinds: tuple[str, ...] = ()
    class_weights: tuple[float, ...] = ()
    usual: tuple[tuple[float, ...], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values from which from_dict restores the same preprocessing, floats bit for bit."""
        plain = {key: getattr(self, key) for key in PLAIN}
        fitted = {"encoding": self.encoding.to_dict(), "target": self.task.to_dict()}
        return {"reading": asdict(self.reading), **fitted, **plain}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Preprocessing:
        plain = {key: as_tuples(given[key]) for key in PLAIN if key in given}
        reading, encoding = Reading(**as_tuples(given["reading"])), Encoding.from_dict(given["encoding"])
        return cls(reading, encoding, task_from_dict(given["target"]), **plain)

    def transform(self, features: Any) -> np.ndarray:
        """Return x (N, I) for raw features: an array in feature order, columns or rows by name, or a frame."""
        return self.encoding.apply(self.raw(features), slice(None), self.dtype)

    def raw(self, features: Any) -> Raw:
        """Return raw features, given in Python, as checked rows; warn of what training did not have."""
        raw = raw_from_python(features, self.reading)
        self.encoding.check(raw)
        for warning in (*raw.notes, *self.encoding.unseen(raw, slice(None))):
            warn(warning, UserWarning)
        return raw

    def find(self, source: Any, need_target: bool) -> Files:
        """Return a file, several, an object of files, standard input for "-", or rows given in Python as a source."""
        return source_of(source) if is_given(source) else find_new_source(source, Path(), need_target)

    def read(self, source: Any, need_target: bool) -> NewData:
        """Read the rows of what `find` returns or takes; their targets, weights and groups only if needed."""
        raw = self.read_rows(source, need_target)
        return self.describe(raw, self.inputs(raw), need_target)

    def read_rows(self, source: Any, need_target: bool) -> Raw:
        """Read rows as they are, and check them."""
        found = source if isinstance(source, Files) else self.find(source, need_target)
        raw = read_source(found, self.reading, need_target)
        check_targets(raw)
        check_weight(raw, self.reading.weight)
        self.encoding.check(raw)
        if need_target:
            self.task.original(raw)  # refuses other columns than those of training
            self.task.check(raw)
            check_range(raw, self.kinds)
        return raw

    def inputs(self, raw: Raw) -> Inputs:
        """Return the inputs x (N, I) of rows."""
        return inputs_of(self.encoding, raw, slice(None), self.dtype, len(raw.table))

    def describe(self, raw: Raw, x: Any, need_target: bool) -> NewData:
        """Return rows with x, which stands for their inputs, their targets and weights, and warnings."""
        warnings = (*raw.notes, *self.encoding.unseen(raw, slice(None)))
        if need_target and self.reading.weight is not None and raw.weight is None:
            warnings += (f"there are no weights {quoted(self.reading.weight)}; all rows count alike",)
        target = self.task.original(raw) if need_target else None
        group = group_of(raw, self.reading.group if need_target else None, slice(None))
        return NewData(x, target, weight_of(raw, slice(None)), group, warnings)

    def read_as_written(self, files: Files, columns: Sequence[str] | None) -> dict[str, np.ndarray]:
        """Return columns (N,) of a table as texts, by name; None for all of them."""
        if files.format.header is None:
            raise files.data.fault(" is no table with named columns, of which some could be kept")
        plain = replace(
            self.reading, names=None, targets=None, weight=None, group=None, drop=(), na=(), texts=(), categorical=()
        )
        names = tuple(columns or files.format.header(files.data, plain))
        raw = read_source(files, replace(plain, features=names, categorical=names), need_target=False)
        return {name: raw.table.texts[name].original for name in names}

    def loss_weight(self, raw_target: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
        """Return each row's weight in the loss (N,), its own times its class's; None where all rows count the same."""
        if not self.class_weights:
            return weight
        of_class = self.task.class_weight(raw_target, np.array(self.class_weights))
        return of_class if weight is None else of_class * weight
