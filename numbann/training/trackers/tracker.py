"""A tracker: a callback that writes the resolved spec, a row of figures for each epoch, and how the run ended.

A run that goes on is written to where it was: what the tracker calls it is kept in the run directory.  Epochs that are
there already, since the run had come farther than its last checkpoint, are not written twice.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar

from numbann.data.contract import PARTS
from numbann.errors import UNUSABLE, NumbannError
from numbann.training.callbacks import EpochEnded, Event, Failed, Finished, FromModel, Started
from numbann.training.rundir import TRACKING, RunDirectory

Values = Mapping[str, float]


class Tracker(ABC):
    """A callback that writes a run elsewhere.  Of several models, each has figures of its own, under its number."""

    name: ClassVar[str]  # as a spec has it

    def __init__(self) -> None:
        self._directory: RunDirectory | None = None
        self._called = ""
        self._done = 0  # the epochs that were done before the run went on
        self._before: dict[str, int] | None = None  # what was written when it was last closed; None if it was not
        self._written: dict[str, int] = {}  # the last epoch that is written, by prefix

    def __call__(self, event: Event) -> None:
        """Write what an event says."""
        match event:
            case Started(path=None):
                raise NumbannError("it writes runs, and nothing of this training is written")
            case Started():
                self._begin(event)
            case EpochEnded():
                self._write(0, event.record)
            case FromModel(event=EpochEnded(record=record)):
                self._write(event.model, record)
            case Finished():
                self.finish(event)
                self._keep(self._written)
            case Failed() if self._called:
                self.fail(interrupted=event.interrupted)
                self._keep(self._written)

    def _begin(self, event: Started) -> None:
        assert event.path is not None
        self._directory = RunDirectory(event.path)
        known, self._before = self._kept()
        self._written.clear()
        self._done = 0 if known is None else event.epochs_done
        self._called = self.open(event, event.path, known)
        self._keep(None)
        for record in event.history:
            self._write(0, record)

    def _write(self, model: int, record: Mapping[str, Any]) -> None:
        """Write an epoch, unless it is there already."""
        prefix, epoch = f"model_{model}/" if model else "", record["epoch"]
        if prefix not in self._written:
            self._written[prefix] = self.last(prefix)
        if epoch > self._written[prefix]:
            self.log(prefix, epoch, dict(figures(record)))
            self._written[prefix] = epoch

    def _kept(self) -> tuple[str | None, dict[str, int] | None]:
        """Return what the run is called, and what was written of it; nothing of a file that is damaged."""
        try:
            found = self._all()[self.name]
            written = found["written"]
            return str(found["run"]), written and {str(prefix): int(epoch) for prefix, epoch in written.items()}
        except UNUSABLE:
            return None, None

    def _keep(self, written: Mapping[str, int] | None) -> None:
        """Keep what the run is called, and what is written of it, in the run directory."""
        assert self._directory is not None
        own = {"run": self._called, "written": written}
        self._directory.write_json(TRACKING, {**self._all(), self.name: own})

    def _all(self) -> dict[str, Any]:
        assert self._directory is not None
        try:
            found = json.loads((self._directory.path / TRACKING).read_bytes())
        except (OSError, *UNUSABLE):
            return {}
        return found if isinstance(found, dict) else {}

    @abstractmethod
    def open(self, event: Started, path: Path, known: str | None) -> str:
        """Open a new run, or the known one; return what it is called there.  path: the run directory."""

    def last(self, prefix: str) -> int:
        """Return the last epoch that is there of a model; 0 for none.

        Of a process that was killed it is taken to have what the checkpoint has.
        """
        if self._before is not None:
            return self._before.get(prefix, 0)
        return 0 if prefix else self._done

    @abstractmethod
    def log(self, prefix: str, epoch: int, values: Values) -> None:
        """Write the figures of an epoch."""

    @abstractmethod
    def finish(self, event: Finished) -> None:
        """Write the metrics, and close the run."""

    @abstractmethod
    def fail(self, *, interrupted: bool) -> None:
        """Close a run that is not complete."""


def figures(record: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the numbers of a line of the history: train/loss, validation/accuracy, layers/1/dead, ..."""
    for key, value in record.items():
        part, _, rest = key.partition("_")
        if isinstance(value, list):
            for layer in value:
                inner = {name: one for name, one in layer.items() if name != "layer" and _is_number(one)}
                yield from ((f"layers/{layer['layer']}/{name}", one) for name, one in inner.items())
        elif key != "epoch" and _is_number(value):
            yield (f"{part}/{rest}" if part in PARTS else key), value


def measures(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics of the model that is kept: final/test/accuracy, ..."""
    return {
        f"final/{part}/{name}": value
        for part in PARTS
        for name, value in metrics.get(part, {}).items()
        if _is_number(value)
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and isfinite(value)


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Return a spec as values by dotted path: data.target, model.layers.0.units, optimizer.type."""
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    if not inner or not value:
        return {path: value if isinstance(value, str | int | float) else json.dumps(value)}
    return {key: one for name, part in inner for key, one in flat(part, f"{path}.{name}".removeprefix(".")).items()}
