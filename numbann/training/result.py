"""The result of a training, as its files tell it: what was asked for, what it is worth, and what it took."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from numbann.components.built_in import built_in
from numbann.records import dataclass

RUN, ENSEMBLE, ALONE, VALIDATION, SWEPT = "run", "ensemble", "model", "cross-validation", "sweep"
FINISHED, INTERRUPTED, FAILED, RUNNING = "finished", "interrupted", "failed", "running"
PLAIN = ("type", "units", "activation")  # keys of a spec whose values need no name

Figures = Mapping[str, float | None]  # loss and metrics by name; None for a number that is not finite


@dataclass(frozen=True)
class Fold:
    """A model of several: what tells the rows that it is measured by, with the repeat, and its figures on them."""

    held_out: str
    repeat: int
    figures: Figures


@dataclass(frozen=True, kw_only=True)
class Result:
    """A training: what was asked for, how far it is, what it is worth, and what it took.

    kind: "run", "ensemble", "model", "cross-validation", or "sweep", of which it is the best run.  metrics: by part; of
    a run that is not finished those of its best epoch so far, of a cross-validation the mean over the folds.  folds: of
    several models, those that were measured.  digests: of the data, none where the files do not say.  seconds: of
    training; size: of the model's file, in bytes; None for what the files do not say.
    """

    path: Path
    kind: str
    spec: Mapping[str, Any]
    state: str = FINISHED
    started: str | None = None
    metrics: Mapping[str, Figures] = field(default_factory=dict)
    deviation: Figures = field(default_factory=dict)
    folds: Sequence[Fold] = ()
    digests: Sequence[str] = ()
    epochs: int | None = None
    best_epoch: float | None = None
    seconds: float | None = None
    parameters: int | None = None
    size: int | None = None
    remark: str = ""

    @property
    def name(self) -> str:
        """The name of the directory or the file."""
        return self.path.resolve().name

    @property
    def task(self) -> str | None:
        """What is predicted: "classification", "multilabel" or "regression"; None of a sweep without a best run."""
        return str(self.spec["data"]["task"]) if self.spec else None

    @property
    def units(self) -> list[int] | None:
        """The units of the hidden layers; None of a sweep without a best run."""
        return [int(layer["units"]) for layer in self.spec["model"]["layers"]] if self.spec else None

    @property
    def metric(self) -> str:
        """The metric that it is known by: the first one that its validation or another part has, else the loss."""
        parts = [self.metrics[part] for part in ("validation", "test", "train") if part in self.metrics]
        return next((name for part in parts for name in part if name != "loss"), "loss")

    def to_json(self) -> dict[str, Any]:
        """Return everything but the spec as JSON values."""
        plain = ("state", "started", "epochs", "best_epoch", "seconds", "parameters", "size")
        return {
            "path": str(self.path),
            "kind": self.kind,
            "task": self.task,
            "units": self.units,
            **{name: getattr(self, name) for name in plain},
            "metrics": {part: dict(figures) for part, figures in self.metrics.items()},
            **({"deviation": dict(self.deviation)} if self.deviation else {}),
            **({"remark": self.remark} if self.remark else {}),
        }


def lower_is_better(name: str) -> bool:
    """Whether a loss or metric is to be small; one that numbann does not have is taken for one that is to be large."""
    bare = name.partition("(")[0]
    known = {entry.component.name: entry.component for entry in built_in().entries("metric")}
    return bare == "loss" or (bare in known and known[bare].traits["better"] == "lower")


def compact(value: Any) -> str:
    """Return a part of a spec in few words: of an object what is not off."""
    if isinstance(value, Mapping):
        said = {key: inner for key, inner in value.items() if inner not in (None, False, 0, "", "none")}
        plain = (compact(inner) if key in PLAIN else f"{key} {compact(inner)}" for key, inner in said.items())
        return ", ".join(plain)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
