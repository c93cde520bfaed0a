"""Executes a prepared run: trains with checkpoints, measures the model, and writes the run directory."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from math import isnan
from pathlib import Path
from time import perf_counter
from typing import Any

from numbann.data.contract import PARTS
from numbann.data.wording import short
from numbann.engine.interface import Engine
from numbann.errors import UNUSABLE, RunDirectoryError, TrainingError
from numbann.fit.finite import check_loss
from numbann.fit.fitting import begin, load, take_best
from numbann.fit.loop import run_epochs
from numbann.fit.pause import NEVER, Pause
from numbann.fit.state import Record, State
from numbann.model.assessment import assess
from numbann.model.model import Model
from numbann.model.provenance import present_names
from numbann.records import dataclass
from numbann.training import rundir
from numbann.training.calibration import calibrate
from numbann.training.callbacks import Callback, EpochEnded, Finished, Started, Stop
from numbann.training.diagnostics import Diagnosis
from numbann.training.interruption import Interrupted
from numbann.training.manifest import identity, manifest
from numbann.training.preparation import Prepared
from numbann.training.ranks import Following, Ranks
from numbann.training.rundir import RunDirectory
from numbann.training.saves import Saves
from numbann.training.telling import NotBegunError
from numbann.training.trained import epochs_of_weights
from numbann.turns import result_of


@dataclass(frozen=True, repr=False)
class Run:
    """A complete run: its directory (None in memory), one record per epoch, its metrics and its model."""

    path: Path | None
    history: Sequence[Mapping[str, Any]]
    metrics: Mapping[str, Any]
    model: Model

    def __repr__(self) -> str:
        part = next((part for part in reversed(PARTS) if part in self.metrics), "")
        figures = ", ".join(
            f"{name} {'nan' if value is None else short(value, 4)}"
            for name, value in self.metrics.get(part, {}).items()
        )
        return f"<numbann.Run {self.path or 'in memory'}: {part} {figures}; {self.model!r}>"


@dataclass(frozen=True)
class WarmUp:
    """The result of warming up an engine: the number of compiled kernels, the seconds it took, and the diagnosis."""

    compiled: int
    seconds: float
    diagnosis: Diagnosis | None = None


@dataclass(frozen=True)
class Training:
    """A training in progress: the prepared job, its engine, and the callback."""

    prepared: Prepared
    engine: Engine
    tell: Callback
    warmup: WarmUp


@dataclass(frozen=True)
class Execution(Training):
    """A run in progress: a training with a directory.

    spec: the text of the spec, for a run that begins anew.  ranks: those that train together, of which this is 0.
    """

    directory: RunDirectory
    spec: str | None = None
    ranks: Ranks | None = None


def warm_up(engine: Engine, prepared: Prepared) -> WarmUp:
    """Compile everything, so that a fault is raised before anything is written.

    The engine then holds the training rows; its weights are not set yet.
    """
    start = perf_counter()
    load(engine, prepared.job)
    diagnosis = Diagnosis(engine, prepared) if prepared.resolved.spec.train.diagnostics else None
    return WarmUp(engine.compiled, perf_counter() - start, diagnosis)


def execute(execution: Execution, stored: State | None = None) -> Run:
    """Train to the end from the beginning or from a stored state, measure, and write everything.

    Interrupted after a signal.  However it ends, the directory is complete or can be resumed.
    """
    state = stored or begin(execution.engine, execution.prepared.job)
    saves = make_saves(execution, state, stored=stored is not None)
    with saves.interruptions:
        try:
            run = _execute(execution, state, saves)
            saves.interruptions.release()
            return run
        except KeyboardInterrupt as interruption:
            path, code = execution.directory.path, getattr(interruption, "exit_code", 130)
            if saves.complete:
                raise Interrupted(path, code, "the run is complete", complete=True) from interruption
            raise Interrupted(path, code, saves.rescue(), ranks=execution.engine.ranks) from interruption
        except NotBegunError:
            saves.interruptions.end()
            leave_nothing(execution)
            raise
        except TrainingError as error:
            kept = saves.rescue()
            note_failure(execution.directory, error)
            raise TrainingError(f"{error}\n{kept}") from error.__cause__
        except RunDirectoryError as error:  # of a full disk, most of all
            lines = [*str(error).splitlines(), *saves.remedy()]
            note_failure(execution.directory, error)
            raise RunDirectoryError("\n".join(dict.fromkeys(lines))) from None
        except BaseException as error:
            saves.rescue()
            note_failure(execution.directory, error)
            raise


def follow(prepared: Prepared, engine: Engine, ranks: Ranks, stored: State | None = None) -> Run:
    """Train beside rank 0, and write nothing; the run is that of rank 0."""
    job, state = prepared.job, stored or begin(engine, prepared.job)
    for _ in run_epochs(engine, job, job.rates(), state, lambda event: None, pause=Following(ranks)):
        if ranks.hear():
            break
    take_best(engine, state)
    calibrate(prepared, engine)
    path, history, metrics = ranks.hear()
    ranks.complete()
    preprocessing, tensors = prepared.dataset.preprocessing, engine.parameters()
    return Run(path, history, metrics, Model(prepared.resolved, prepared.plan, preprocessing, tensors, engine.threads))


def leave_nothing(execution: Execution) -> None:
    """Remove what a run that has not begun has written, unless it goes on with an earlier one."""
    if execution.spec is not None:
        with contextlib.suppress(RunDirectoryError):
            execution.directory.clear()


def note_failure(directory: RunDirectory, error: BaseException) -> None:
    """Write into the manifest why a run ended, if it can be written; a run that goes on writes it anew."""
    text = (str(error) or type(error).__name__).splitlines()[0]
    with contextlib.suppress(RunDirectoryError, OSError, *UNUSABLE):
        stored = json.loads((directory.path / rundir.MANIFEST).read_bytes())
        if stored["finished"] is None:
            directory.write_json(rundir.MANIFEST, {**stored, "failed": text})


def make_saves(execution: Execution, state: State, *, stored: bool, kind: Callable[..., Saves] = Saves) -> Saves:
    """Make the checkpoints of a run."""
    job, seconds = execution.prepared.job, execution.prepared.resolved.spec.train.checkpoint_seconds
    steps = job.rates().steps
    saves = kind(execution.directory, identity(execution.prepared), state, seconds, steps, stored=stored)
    saves.ranks = execution.ranks
    return saves


def _execute(execution: Execution, state: State, saves: Saves) -> Run:
    began, begun = datetime.now(UTC), perf_counter()
    with saves.whole:
        _write_beginning(execution, state, saves, began)
    path = execution.directory.path
    execution.tell(started(execution, path, tuple(state.history)))
    asked = result_of(train_epochs, execution, state, saves)
    weights_epoch, metrics = conclude(execution, state, asked)
    with saves.whole:
        model = _write_end(execution, state, metrics, began)
        saves.complete = True
    run = finished(execution, path, state, weights_epoch, metrics, model, perf_counter() - begun)
    if execution.ranks is not None:
        execution.ranks.tell((run.path, run.history, run.metrics))
        execution.ranks.complete()
    return run


def conclude(training: Training, state: State, asked: Stop | None) -> tuple[int, dict[str, Any]]:
    """Give the engine the weights that are kept; return their epoch, and what they are worth.

    asked: what a callback has returned to stop the training.
    """
    weights_epoch = take_best(training.engine, state)
    calibrated = calibrate(training.prepared, training.engine)
    stopped = asked.reason if asked and state.epoch < training.prepared.job.epochs else ""
    course = {**epochs_of_weights(state.best.epoch, weights_epoch), **({"stopped": stopped} if stopped else {})}
    metrics = {**course, **_measure_parts(training), **calibrated}
    loss, rate = metrics["train"]["loss"], state.history[-1]["learning_rate"]
    check_loss(training.engine, state.epoch, "the loss on all training rows", loss, rate)
    return weights_epoch, metrics


def finished(
    training: Training,
    path: Path | None,
    state: State,
    weights_epoch: int,
    metrics: Mapping[str, Any],
    model: Model,
    seconds: float,
) -> Run:
    """Tell that a training is complete, and return it."""
    warnings, rows = find_unmeasured(training.prepared, metrics), len(training.prepared.job.train)
    stopped = metrics.get("stopped", "")
    exchanged = training.engine.exchanged
    training.tell(Finished(path, metrics, state.epoch, weights_epoch, rows, seconds, warnings, stopped, exchanged))
    return Run(path, tuple(state.history), metrics, model)


def train_epochs(
    execution: Execution, state: State, saves: Saves, until: int | None = None
) -> Generator[float, None, Stop | None]:
    """Train to the last epoch, or until one before it, and save now and then and at the end.

    Yield how much of this is done; return what a callback has returned to stop it.
    """
    asked: Stop | None = None
    last = until or execution.prepared.job.epochs
    left = epochs_of(execution, state, saves) if state.epoch < last else ()
    with execution.directory.history() as append:
        for record in left:
            if record is not None:
                with saves.whole:
                    append(record)
                asked = execution.tell(EpochEnded(record, state.best.epoch == state.epoch))
            if saves.due():
                saves.save()
            if execution.ranks is not None:
                execution.ranks.tell(asked is not None)
            if asked or state.epoch == until:
                break
            yield state.epoch / last
    saves.save()
    return asked


def epochs_of(training: Training, state: State, pause: Pause = NEVER) -> Iterator[Record | None]:
    """Train, and yield the record of each epoch, and None at pauses."""
    job, diagnosis, tell = training.prepared.job, training.warmup.diagnosis, training.tell
    if diagnosis is not None:
        diagnosis.recall(state.history)
    diagnose = None if diagnosis is None else partial(diagnosis.of_epoch, tell)
    return run_epochs(training.engine, job, job.rates(), state, tell, diagnose, pause)


def _measure_parts(training: Training) -> dict[str, Any]:
    """Measure loss and metrics of every part, and what else tells how good they are, each by part."""
    prepared, engine = training.prepared, training.engine
    measured: dict[str, Any] = {}
    more: dict[str, dict[str, Any]] = {}
    for name, part in prepared.dataset.parts.items():
        loss, outputs = engine.evaluate(part.x, part.t, part.loss_weight, part.group)
        own, fitted = {"weight": part.weight, "group": part.group}, prepared.dataset.preprocessing
        found = assess(prepared.resolved, fitted, loss, outputs, part.raw_target, **own)
        measured[name] = found.measures
        for kind, value in found.to_json().items():
            more.setdefault(kind, {})[name] = value
    classes = {"classes": list(prepared.facts.task.subjects)} if "confusion" in more else {}
    return {**measured, **classes, **more}


def find_unmeasured(prepared: Prepared, metrics: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a warning about each metric that has a value on no part."""
    parts = [metrics[name] for name in PARTS if name in metrics]
    return tuple(
        f'metric "{name}" is not a number (NaN) on every part; leave it out of train.metrics, or correct it'
        for name in prepared.resolved.measures
        if all(isnan(part[name]) for part in parts)
    )


# ---- files


def _write_beginning(execution: Execution, state: State, saves: Saves, started: datetime) -> None:
    """Write the specs, the manifest and the first checkpoint; leave nothing behind if that fails in a new directory."""
    try:
        _write_first(execution, state, saves, started)
    except RunDirectoryError:
        leave_nothing(execution)
        raise


def _write_first(execution: Execution, state: State, saves: Saves, started: datetime) -> None:
    directory = execution.directory
    write_specs(execution, started)
    if execution.spec is None:  # the file may have epochs after the checkpoint
        directory.write_history(state.history)
    saves.save()


def write_specs(execution: Execution, started: datetime) -> None:
    """Write the specs and the manifest, in place of a run that was there if this one begins anew."""
    prepared, engine, directory = execution.prepared, execution.engine, execution.directory
    if execution.spec is not None:
        directory.clear()
    resolved = prepared.resolved.with_engine(engine.device, engine.threads).to_json()
    directory.write_json(rundir.RESOLVED, present_names(resolved, prepared.loaded.registry))
    if execution.spec is not None:
        directory.write(rundir.SPEC, execution.spec.encode())
    directory.write_json(rundir.MANIFEST, manifest(prepared, engine, started, execution.warmup.seconds))


def started(
    training: Training, path: Path | None, history: Sequence[Mapping[str, Any]] = (), models: int = 1
) -> Started:
    """Return the event that training begins.  history: of the epochs that are done."""
    prepared, engine, warmup = training.prepared, training.engine, training.warmup
    return Started(
        path=path,
        epochs_done=len(history),
        epochs=prepared.resolved.spec.train.epochs,
        device=engine.device,
        gpu=engine.gpu,
        threads=engine.threads,
        ranks=engine.ranks,
        compiled=warmup.compiled,
        compile_seconds=warmup.seconds,
        models=models,
        history=history,
        **sizes(prepared),
    )


def sizes(prepared: Prepared) -> dict[str, Any]:
    """Return what a run that begins is said to be."""
    rows = {part: len(held.raw_target) for part, held in prepared.dataset.parts.items()}
    return {"spec": prepared.resolved.to_json(), "parameters": prepared.plan.parameters, "rows": rows}


def _write_end(execution: Execution, state: State, metrics: Mapping[str, Any], started: datetime) -> Model:
    """Write the metrics, the model, and the manifest with its timings."""
    model = model_of(execution)
    write_results(execution, model, metrics, started, sum(record["seconds"] for record in state.history))
    return model


def model_of(training: Training) -> Model:
    """Return the model in an engine."""
    prepared, engine = training.prepared, training.engine
    return Model(prepared.resolved, prepared.plan, prepared.dataset.preprocessing, engine.parameters(), engine.threads)


def write_results(
    execution: Execution, model: Model, metrics: Mapping[str, Any], started: datetime, seconds: float
) -> None:
    """Write the metrics, the model, and the manifest of a run that is complete."""
    prepared, engine, directory = execution.prepared, execution.engine, execution.directory
    directory.write_json(rundir.METRICS, metrics)
    directory.write(rundir.MODEL, *model.file.to_parts())
    directory.write_json(rundir.MANIFEST, manifest(prepared, engine, started, execution.warmup.seconds, seconds))
