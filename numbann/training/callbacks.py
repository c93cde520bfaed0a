"""The events of a run.  A callback is any function of one event; it cannot change the run, but may ask to stop it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from numbann.data.findings.finding import Finding
from numbann.fit.loop import StepsDone
from numbann.records import dataclass


@dataclass(frozen=True)
class DataRead:
    """The data is read.  notes: the decisions made about it; findings: what a person should know of it."""

    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Planned:
    """The network is planned.

    given: the spec as JSON values; resolved: the spec without "auto".  filled: what its preset has filled in.
    """

    given: Mapping[str, Any]
    resolved: Any
    plan: Any
    filled: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Compiling:
    """Kernels are compiled for the first time on this machine, which takes some seconds."""


@dataclass(frozen=True)
class Started:
    """Training begins.  path: the run directory, None if nothing is written.

    epochs_done: the epochs that an earlier start completed; history: their records.  compiled: the number of kernels
    compiled.  gpu: the name of the GPU, if one is used.  models: how many are trained, each for `epochs` epochs.
    ranks: the processes that train together, with so many threads each.  spec: the resolved one, as JSON values;
    parameters: how many numbers a model trains; rows: of each part.
    """

    path: Path | None
    epochs_done: int
    epochs: int
    device: str
    threads: int
    compiled: int
    compile_seconds: float
    gpu: str | None = None
    models: int = 1
    ranks: int = 1
    spec: Mapping[str, Any] = field(default_factory=dict)
    parameters: int = 0
    rows: Mapping[str, int] = field(default_factory=dict)
    history: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Warned:
    """The diagnostics find a new fault in a layer (counted from 1).  text: the fault and its remedy."""

    epoch: int
    kind: str
    layer: int
    text: str


@dataclass(frozen=True)
class EpochEnded:
    """An epoch ended.  record: its line of the history; best: it is the best so far."""

    record: Mapping[str, Any]
    best: bool


@dataclass(frozen=True)
class FromModel:
    """An event of one of several models that are trained side by side.  model: its number, from 1."""

    model: int
    event: StepsDone | Warned | EpochEnded


@dataclass(frozen=True)
class ModelEnded:
    """One of several models is trained.

    fold: the one that it leaves out, None for none; repeat: of the folds, or of their seeds; each counted from 1.
    best_epoch, epochs: of its training.  measures: loss and metrics on the fold; error: why it failed.  weights_epoch:
    the epoch whose weights the model has.
    """

    model: int
    fold: int | None
    repeat: int
    best_epoch: int = 0
    epochs: int = 0
    seconds: float = 0.0
    measures: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
    weights_epoch: int = 0


@dataclass(frozen=True)
class SweepStarted:
    """The trials of a sweep begin.  path: its directory.

    trials: how many there are, None for as many as time allows; asked: how often one is trained, which of halving is
    once a rung; done: how often an earlier start has.  workers: how many are trained at a time, with `threads` each.
    parameters: what they differ in, as the spec has it.  metric: what they are measured by; lower: whether less of it
    is better.  The rest is as of Started.
    """

    path: Path
    trials: int | None
    asked: int | None
    done: int
    workers: int
    threads: int
    parameters: Mapping[str, Any]
    metric: str
    lower: bool
    epochs: int
    device: str
    compiled: int
    compile_seconds: float
    gpu: str | None = None


@dataclass(frozen=True)
class TrialEnded:
    """A trial of a sweep has ended.  row: as trials.jsonl has it; best: it is the best so far."""

    row: Mapping[str, Any]
    best: bool


@dataclass(frozen=True)
class Finished:
    """The run is complete and, if it has a path, written.

    weights_epoch: the epoch whose weights the model has.  rows: of the training part.  seconds: since training began.
    warnings: about its metrics.  stopped: why a callback has stopped it.  exchanged: the seconds of training that have
    passed with what ranks tell each other.
    """

    path: Path | None
    metrics: Mapping[str, Any]
    epochs_done: int
    weights_epoch: int
    rows: int
    seconds: float
    warnings: tuple[str, ...] = ()
    stopped: str = ""
    exchanged: float = 0.0


@dataclass(frozen=True)
class CallbackFailed:
    """A callback has raised an error, and is not called again.  epoch: the last one that had ended; text: all of it."""

    name: str
    epoch: int
    text: str


@dataclass(frozen=True)
class Failed:
    """The run has ended before it was complete.  path: as in Started; error: why; interrupted: by a signal."""

    path: Path | None
    error: str
    interrupted: bool


@dataclass(frozen=True)
class Stop:
    """What a callback returns to stop the training after the epoch, as early stopping does.  reason: for people."""

    reason: str


Event = (
    DataRead
    | Planned
    | Compiling
    | Started
    | StepsDone
    | Warned
    | EpochEnded
    | FromModel
    | ModelEnded
    | SweepStarted
    | TrialEnded
    | CallbackFailed
    | Finished
    | Failed
)
Callback = Callable[[Event], Stop | None]
