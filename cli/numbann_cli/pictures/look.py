"""What pictures of a run are drawn from: its files, and its model's predictions for the rows of a part."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from numbann.errors import NumbannError
from numbann.records import dataclass
from numbann.training.results import read_result
from numbann.training.rundir import HISTORY, METRICS, MODEL, SWEEP, open_existing
from numbann.training.sweeps.effects import effects
from numbann.training.sweeps.store import TRIALS, is_sweep, open_sweep
from numbann.training.unchecked import reading
from numbann_cli.run_page import history_of, metrics_of, spec_of

if TYPE_CHECKING:
    import numpy as np

    from numbann.data.tasks.task import Outcome, Task
    from numbann.model.importance import Importance
    from numbann.model.model import Model
    from numbann.training.run_rows import PartRows

PATIENT = 300  # columns up to which importance is measured without being asked for
ROWS = 2000  # of which importance and dependence are measured
EVALUATIONS = 3000
DIAGNOSTICS = "diagnostics"


class Undrawn(Exception):
    """A picture that the run would have cannot be drawn; the message says why, and what to do."""


@dataclass(frozen=True)
class Result:
    """What a model predicts for rows with known targets.

    part: which rows these are, in words.  roles: what metrics may ask for, such as t, label, probability and value.
    """

    part: str
    task: Task
    found: Outcome
    roles: Mapping[str, np.ndarray]
    measures: Mapping[str, float]

    def __len__(self) -> int:
        return len(self.found.y)


@dataclass(frozen=True)
class Asked:
    """What is asked of a run besides its directory: other rows, a part, and how its model is loaded."""

    data: Any = None
    part: str | None = None
    threads: int | None = None
    trust: bool = False
    plugins: Sequence[Path] = ()
    patient: bool = False


@dataclass(frozen=True)
class Sweep:
    """A sweep: the metric, whether less of it is better, its parameters by path, and the rows of its trials."""

    metric: str
    lower: bool
    parameters: Mapping[str, Any]
    rows: Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Look:
    """A run, a sweep, or the result of a cross-validation.

    name: in legends.  histories: of the run, or of each of its models, one record an epoch.  metrics: of metrics.json,
    None of a run that is not complete.  folds: the models of a cross-validation or an ensemble, one record each.
    spec: resolved; empty of what is no run.
    """

    path: Path
    name: str
    spec: Mapping[str, Any]
    histories: Sequence[Sequence[Mapping[str, Any]]]
    metrics: Mapping[str, Any] | None
    folds: Sequence[Mapping[str, Any]] = ()
    asked: Asked = field(default_factory=Asked)
    sweep: Sweep | None = None

    @cached_property
    def _model(self) -> Model | Undrawn:
        if self.metrics is None:
            missing = METRICS if (self.path / MODEL).exists() else "model yet"
            return Undrawn(f"{self.path} has no {missing}; numbann resume {self.path}")
        from numbann.model.loading import load

        asked = self.asked
        try:
            return load(self.path, threads=asked.threads, trust=asked.trust, plugins=asked.plugins)
        except NumbannError as error:
            return Undrawn(str(error))

    @property
    def model(self) -> Model:
        """Its model; Undrawn if it cannot be loaded."""
        return _or_raise(self._model)

    @cached_property
    def _rows(self) -> PartRows | Undrawn:
        from numbann.training.run_rows import read_part

        if self.asked.data is not None:
            return self._given_rows()
        try:
            return read_part(self.path, self.model, self.asked.part)
        except Undrawn as error:
            return error
        except NumbannError as error:
            return Undrawn(f"{error}; name rows with --data FILE")

    def _given_rows(self) -> PartRows:
        """Read the rows that were asked for, and warn of what training did not have."""
        from numbann.training.run_rows import PartRows

        raw = self.model.preprocessing.read_rows(self.asked.data, need_target=True)
        for warning in self.model.preprocessing.encoding.unseen(raw, slice(None)):
            click.echo(f"numbann: warning: {warning}", err=True)
        return PartRows(str(self.asked.data), raw)

    @property
    def rows(self) -> PartRows:
        """The rows that it is judged by; Undrawn if they are gone or have changed."""
        return _or_raise(self._rows)

    @property
    def where(self) -> str:
        """Which rows these are, in words."""
        return self.rows.part if self.asked.data is not None else f"{self.rows.part} part"

    @cached_property
    def result(self) -> Result:
        """What its model predicts for these rows."""
        from numbann.model.outputs import call_metrics, outcome_of, roles_of

        model, rows = self.model, self.rows
        new = model.describe(rows.raw, need_target=True)
        y = model.outputs(new.x) if rows.outputs is None else rows.outputs
        task, found = model.preprocessing.task, outcome_of(model.resolved, y)
        roles = roles_of(task, found, new.raw_target, weight=new.weight, group=new.group)
        where = self.where if rows.outputs is None else f"{self.where}, out of fold"
        return Result(where, task, found, roles, call_metrics(model.resolved.metrics, roles, found.activation))

    @cached_property
    def importance(self) -> Importance:
        """How important each column is."""
        from numbann.model.importance import REPEATS, measure_importance

        columns = len(self.model.features)
        if columns > PATIENT and not self.asked.patient:
            raise Undrawn(f"{columns} columns take a while; ask for it: --picture importance, or dependence")
        repeats = max(1, min(REPEATS, EVALUATIONS // columns))
        return measure_importance(self.model, self.rows.raw, repeats=repeats, rows=ROWS)


def _or_raise(found: Any) -> Any:
    if isinstance(found, Undrawn):
        raise found
    return found


def look_at(path: Path, asked: Asked, name: str = "") -> Look:
    """Look at the directory of a run or a sweep, or at what `numbann cv --json` has printed."""
    name = name or path.resolve().name
    if path.is_dir() and is_sweep(path):
        return Look(path, name, {}, (), None, (), asked, _sweep(path))
    read_result(path)  # which finds what is missing or damaged
    if path.is_file():
        with reading(path) as file:
            folds = json.loads(file.read_bytes())["folds"]
        return Look(path, name, {}, (), None, [one for one in folds if "error" not in one], asked)
    run = open_existing(path)
    metrics, histories = metrics_of(run), []
    for one in run.models() or [run]:
        with reading(one.path / HISTORY):
            histories.append([_checked(record) for record in history_of(one)])
    known = [history for history in histories if history]
    return Look(run.path, name, spec_of(run), known, metrics, (metrics or {}).get("models", ()), asked)


def _checked(record: Any) -> Mapping[str, Any]:
    """Return a record of a history; an error of UNUSABLE unless it holds numbers, or null for what is none."""
    layers = record.get(DIAGNOSTICS, [])
    for value in (record["epoch"], *(one["layer"] for one in layers)):
        if type(value) is not int or float(value) < 1:
            raise TypeError
    inner = [one[key] for one in layers for key in ("gradient_norm", "dead", "saturated")]
    for value in (*inner, *(value for key, value in record.items() if key != DIAGNOSTICS)):
        if value is not None and (type(value) not in (int, float) or not isfinite(float(value))):
            raise TypeError
    found: Mapping[str, Any] = record
    return found


def _sweep(path: Path) -> Sweep:
    """Look at a sweep, and at the values of its trials."""
    files = open_sweep(path)
    with reading(path / SWEEP):
        found = files.manifest()
        sweep = Sweep(str(found["metric"]), found["better"] == "lower", dict(found["parameters"]), files.rows())
    with reading(path / TRIALS):
        effects(sweep.rows, sweep.parameters)  # which reads all of them
    return sweep
