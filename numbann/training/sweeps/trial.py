"""Trains one trial of a sweep and measures it, in a thread or in another process.

The row of a trial has everything that is kept of it but the states that it may go on from.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from math import isfinite
from statistics import fmean
from threading import RLock
from typing import Any

from numbann.engine.devices import make_engine
from numbann.engine.interface import Engine
from numbann.errors import TrainingError
from numbann.fit.fitting import begin, take_best
from numbann.fit.fitting import load as load_rows
from numbann.fit.loop import StepsDone
from numbann.fit.state import State
from numbann.model.provenance import components_of
from numbann.records import dataclass
from numbann.runner import Line
from numbann.spec.loading import Loaded, trial_of_sweep
from numbann.training.beside import train_beside
from numbann.training.calibration import calibrate
from numbann.training.callbacks import Callback, FromModel
from numbann.training.checkpoint import restored, to_parts
from numbann.training.cross_validation import naming_folds, with_folds
from numbann.training.folding import Folding
from numbann.training.manifest import identity
from numbann.training.preparation import Prepared, placing, plan
from numbann.training.sent import Sent, naming_place
from numbann.training.sweeps.search import Asked
from numbann.training.sweeps.sources import Sources
from numbann.training.sweeps.specs import portable
from numbann.training.trained import epochs_of_weights, mean_epoch
from numbann.training.warming import warm
from numbann.turns import part_of

VALIDATION = "validation_"
NEEDED = ("parameters", "metric", "folds")  # keys of a sweep that say how a trial is trained; the search is elsewhere
Row = dict[str, Any]


@dataclass(frozen=True)
class Ended:
    """A trial that was trained: its row, and the states that it may go on from, one for each of its models."""

    row: Row
    states: Sequence[bytes] = ()


class Trials:
    """What all trials of a sweep have in common; another process makes its own from the spec.

    given: the rows, where they were given in Python.
    """

    def __init__(self, loaded: Loaded, given: Any = None) -> None:
        sweep = loaded.spec.sweep
        assert sweep is not None
        self.loaded, self.given, self.sweep = loaded, given, sweep
        self._sources = Sources(given)
        self._copied = False  # whether data files go along to other processes

    def prepare(self, values: Mapping[str, Any]) -> Iterator[Prepared]:
        """Prepare a trial with these values, or each of its folds."""
        loaded = self._folded(trial_of_sweep(self.loaded, values))
        source = self._sources.read(loaded)
        whole = plan(loaded, source, _untold)
        if self.sweep.folds == 1:
            yield whole
        else:
            folding = Folding(loaded, source, whole.resolved, self.sweep.folds, 1, True, self.given)
            yield from map(folding.prepare, folding.places)

    def prepare_base(self, tell: Callback) -> Prepared:
        """Prepare the spec of the sweep itself; all faults of its data are raised."""
        loaded = self._folded(self.loaded)
        fault = partial(self.loaded.source.fault, ("sweep", "folds"))
        with naming_folds(fault), placing(loaded, self.given):
            source = self._sources.read(loaded)
            if self.sweep.folds > 1:
                source.folds(self.sweep.folds)  # as many as there can be
            self.base = plan(loaded, source, tell)
            return self.base

    def _folded(self, loaded: Loaded) -> Loaded:
        return loaded if self.sweep.folds == 1 else with_folds(loaded, self.sweep.folds)

    def value(self, measures: Mapping[str, float]) -> float | None:
        """Return the figure that the sweep goes by; None if it is not a number."""
        if self.sweep.metric not in measures:
            known = ", ".join(measures)
            raise TrainingError(f'sweep.metric: this trial has no "{self.sweep.metric}" (it has: {known})')
        value = measures[self.sweep.metric]
        return value if isfinite(value) else None

    def here(self, threads: int) -> Trials:
        """Return the trials in this process.  threads: of each."""
        return self

    def whole(self) -> Trials:
        """Return the same trials, whose data files go along to other processes."""
        other = Trials(self.loaded, self.given)
        other.base, other._copied = self.base, True
        return other

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Pickle what the trials are prepared from, after the spec itself was."""
        spec, used = portable(self.loaded), components_of(self.base.resolved)
        needed = {key: spec["sweep"][key] for key in NEEDED if key in spec["sweep"]}
        sent = Sent.of({**spec, "sweep": needed}, self.given, self.base.facts.files, used)
        return _Away, (sent.with_copies() if self._copied else sent,)


_TRIALS: dict[str, Trials] = {}  # the last of this process
_LOCK = RLock()


@dataclass(frozen=True)
class _Away:
    """Trials that another process has sent."""

    sent: Sent

    def here(self, threads: int) -> Trials:
        """Return the trials in this process; it reads data and plugins once, and its machine compiles once."""
        with _LOCK, naming_place():
            if self.sent.name not in _TRIALS:
                trials = Trials(self.sent.load(), self.sent.given)
                base = trials.prepare_base(_untold)
                self.sent.check(components_of(base.resolved))
                warm(base, threads)
                _TRIALS.clear()
                _TRIALS[self.sent.name] = trials
            return _TRIALS[self.sent.name]


def _untold(event: Any) -> None:
    """Say nothing: what is said of the data is said once for all trials."""


def train_trial(sent: Trials, line: Line, threads: int, asked: Asked) -> Generator[float, None, Ended]:
    """Train a trial, or go on with it, and measure it."""
    trials = sent.here(threads)
    found: list[Ended] = []
    for place, prepared in enumerate(trials.prepare(asked.parameters)):
        one = _train(prepared, line, threads, asked, None if asked.states is None else asked.states[place])
        found.append((yield from part_of(one, place, trials.sweep.folds)))
    models = [one.row for one in found]
    head = head_of(asked)
    states = [state for one in found for state in one.states]
    if len(models) == 1:
        (model,) = models
        return Ended({**head, "value": trials.value(model.pop("measures")), **model}, states)
    measures = {name: fmean(one["measures"][name] for one in models) for name in models[0]["measures"]}
    folds = [{"fold": 1 + place, **_without(one, "measures")} for place, one in enumerate(models)]
    best = mean_epoch(one["best_epoch"] for one in models)
    kept = mean_epoch(one.get("weights_epoch") or one["best_epoch"] for one in models)
    course = {
        **epochs_of_weights(best, kept),
        "epochs": max(one["epochs"] for one in models),
        "seconds": round(sum(one["seconds"] for one in models), 6),
        "validation": {name: fmean(one["validation"][name] for one in models) for name in models[0]["validation"]},
    }
    return Ended({**head, "value": trials.value(measures), **course, "folds": folds}, states)


def head_of(asked: Asked) -> Row:
    """Return how the row of a trial begins."""
    rung = {} if asked.rung is None else {"rung": asked.rung}
    return {"trial": asked.trial, **rung, "parameters": dict(asked.parameters)}


def _train(
    prepared: Prepared, line: Line, threads: int, asked: Asked, stored: bytes | None
) -> Generator[float, None, Ended]:
    """Train a model of a trial; its row also has the measures that a sweep may go by."""
    job, tell = prepared.job, partial(_tell, line, asked.trial)
    with make_engine(prepared.plan, prepared.resolved.spec.train.device, threads) as engine:
        load_rows(engine, job)
        state = begin(engine, job) if stored is None else restored(engine, stored, identity(prepared), job)
        yield from train_beside(engine, job, state, line, tell, asked.until)
        states = [] if asked.until is None else [b"".join(to_parts(state, identity(prepared)))]
        weights = take_best(engine, state)
        calibrate(prepared, engine)
        return Ended(_row(state, weights, _measure(prepared, engine)), states)


def _tell(line: Line, trial: int, event: Any) -> None:
    """Pass on how far a trial is; its epochs stay with it."""
    if isinstance(event, StepsDone):
        line.tell(FromModel(trial, event))


def _measure(prepared: Prepared, engine: Engine) -> dict[str, float]:
    """Return loss and metrics of the validation part, if there is one."""
    part = prepared.dataset.validation
    if part is None:
        return {}
    loss, outputs = engine.evaluate(part.x, part.t, part.loss_weight, part.group)
    return {"loss": loss, **prepared.score(part, outputs)}


def _row(state: State, weights: int, validation: Mapping[str, float]) -> Row:
    """Return what is kept of a model.  weights: the epoch whose weights it has."""
    history = state.history
    measures = {"train_loss": history[weights - 1]["train_loss"]}
    measures |= {f"{VALIDATION}{name}": value for name, value in validation.items()}
    return {
        "measures": measures,
        **epochs_of_weights(state.best.epoch, weights),
        "epochs": len(history),
        "seconds": round(sum(record["seconds"] for record in history), 6),
        "validation": dict(validation),
        "history": list(history),
    }


def _without(row: Row, key: str) -> Row:
    return {name: value for name, value in row.items() if name != key}
