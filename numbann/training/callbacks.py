"""What a run tells while it goes on: a callback is any function of one event.  Events are facts and change nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numbann.fit.loop import StepsDone


@dataclass(frozen=True)
class DataRead:
    """The data is read: the decisions made about it, and warnings."""

    notes: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Planned:
    """The network is planned: the spec as JSON as it was given, what it was resolved to, and the plan."""

    given: Mapping[str, Any]
    resolved: Any
    plan: Any


@dataclass(frozen=True)
class Compiling:
    """Kernels are about to be compiled for the first time on this machine, which takes some seconds."""


@dataclass(frozen=True)
class Started:
    """Training begins, after so many epochs of an earlier start; `compiled` kernels were made.  gpu: its name."""

    path: Path
    epochs_done: int
    epochs: int
    device: str
    threads: int
    compiled: int
    compile_seconds: float
    gpu: str | None = None


@dataclass(frozen=True)
class Warned:
    """The diagnostics show for the first time that something is wrong with a layer (from 1): what, and the remedy."""

    epoch: int
    kind: str
    layer: int
    text: str


@dataclass(frozen=True)
class EpochEnded:
    """An epoch ended: its line of the history, and whether it is the best so far."""

    record: Mapping[str, Any]
    best: bool


@dataclass(frozen=True)
class Finished:
    """The run is complete and written, after so many epochs; the model has the weights of weights_epoch."""

    path: Path
    metrics: Mapping[str, Any]
    epochs_done: int
    weights_epoch: int
    seconds: float


Event = DataRead | Planned | Compiling | Started | StepsDone | Warned | EpochEnded | Finished
Callback = Callable[[Event], None]


def to_all(callbacks: tuple[Callback, ...]) -> Callback:
    """One callback that calls them all, in their order."""

    def tell(event: Event) -> None:
        for callback in callbacks:
            callback(event)

    return tell
