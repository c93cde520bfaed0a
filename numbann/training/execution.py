"""Executes a prepared run: trains with checkpoints, measures the model, and writes the run directory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from numbann.engine.interface import Engine
from numbann.errors import TrainingError
from numbann.fit.fitting import load, take_best
from numbann.fit.loop import run_epochs
from numbann.fit.state import Record, State
from numbann.model.file import ModelFile
from numbann.model.model import Model
from numbann.model.outputs import outcome_of
from numbann.training import rundir
from numbann.training.callbacks import Callback, EpochEnded, Finished, Started
from numbann.training.checkpoint import to_bytes
from numbann.training.diagnostics import Diagnosis
from numbann.training.manifest import identity, manifest
from numbann.training.preparation import Prepared
from numbann.training.rundir import RunDirectory

CHECKPOINT_SECONDS = 10.0  # between two checkpoints during training


@dataclass(frozen=True)
class Run:
    """A complete run: its directory, one record per epoch, its metrics and its model."""

    path: Path
    history: Sequence[Mapping[str, Any]]
    metrics: Mapping[str, Any]
    model: Model


class Interrupted(KeyboardInterrupt):
    """A run was interrupted and its checkpoint is saved.  path: the run directory."""

    def __init__(self, path: Path, exit_code: int) -> None:
        super().__init__(f"checkpoint saved; resume with: numbann resume {path}")
        self.path, self.exit_code = path, exit_code


@dataclass(frozen=True)
class WarmUp:
    """The result of warming up an engine: the number of compiled kernels, the seconds it took, and the diagnosis."""

    compiled: int
    seconds: float
    diagnosis: Diagnosis | None = None


@dataclass(frozen=True)
class Execution:
    """A run in progress: the prepared job, its engine, its directory, and the callback."""

    prepared: Prepared
    engine: Engine
    directory: RunDirectory
    tell: Callback
    warmup: WarmUp


def warm_up(engine: Engine, prepared: Prepared) -> WarmUp:
    """Compile everything, so that a fault is raised before anything is written.

    The engine then holds the training rows; its weights are not set yet.
    """
    start = perf_counter()
    load(engine, prepared.job)
    diagnosis = Diagnosis(engine, prepared) if prepared.resolved.spec.train.diagnostics else None
    return WarmUp(engine.compiled, perf_counter() - start, diagnosis)


def execute(execution: Execution, state: State) -> Run:
    """Train from a state to the end, measure, and write everything."""
    started, begin = datetime.now(UTC), perf_counter()
    _write_beginning(execution, state, started)
    _train(execution, state)
    weights_epoch = take_best(execution.engine, state)
    metrics = {"best_epoch": state.best.epoch, **_measure_parts(execution)}
    model = _write_end(execution, state, metrics, started)
    path = execution.directory.path
    execution.tell(Finished(path, metrics, state.epoch, weights_epoch, perf_counter() - begin))
    return Run(path, tuple(state.history), metrics, model)


def _train(execution: Execution, state: State) -> None:
    """Train to the last epoch.  However training ends, the checkpoint holds the last complete epoch."""
    directory, saved = execution.directory, perf_counter()
    try:
        with directory.history() as append:
            for record in _epochs(execution, state):
                append(record)
                execution.tell(EpochEnded(record, state.best.epoch == state.epoch))
                if perf_counter() - saved > CHECKPOINT_SECONDS:
                    _save(execution, state)
                    saved = perf_counter()
    except KeyboardInterrupt as interruption:
        raise Interrupted(directory.path, getattr(interruption, "exit_code", 130)) from interruption
    except TrainingError as error:
        kept = f"the checkpoint after epoch {state.epoch} is kept in {directory.path}"
        raise TrainingError(f"{error}\n{kept}") from None
    finally:
        _save(execution, state)


def _epochs(execution: Execution, state: State) -> Iterator[Record]:
    """Train, and yield the record of each epoch."""
    job, diagnosis, tell = execution.prepared.job, execution.warmup.diagnosis, execution.tell
    if diagnosis is not None:
        diagnosis.recall(state.history)
    diagnose = None if diagnosis is None else partial(diagnosis.of_epoch, tell)
    return run_epochs(execution.engine, job, job.rates(len(job.train)), state, tell, diagnose)


def _save(execution: Execution, state: State) -> None:
    execution.directory.write(rundir.CHECKPOINT, to_bytes(state, identity(execution.prepared)))


def _measure_parts(execution: Execution) -> dict[str, Any]:
    """Measure loss and metrics of every part and, for classes, the confusion tables."""
    prepared, engine = execution.prepared, execution.engine
    measured: dict[str, Any] = {}
    confusions = {}
    for name, part in prepared.dataset.parts.items():
        loss, outputs = engine.evaluate(part.x, part.t, part.loss_weight)
        measured[name] = {"loss": loss, **prepared.score(part, outputs)}
        confusions[name] = prepared.facts.task.confusion(outcome_of(prepared.resolved, outputs), part.raw_target)
    if confusions["train"] is not None:
        measured |= {"classes": list(prepared.facts.task.subjects), "confusion": confusions}
    return measured


# ---- files


def _write_beginning(execution: Execution, state: State, started: datetime) -> None:
    prepared, engine, directory = execution.prepared, execution.engine, execution.directory
    seconds = execution.warmup.seconds
    directory.write_json(rundir.RESOLVED, prepared.resolved.with_engine(engine.device, engine.threads).to_json())
    directory.write_json(rundir.MANIFEST, manifest(prepared, engine, started, seconds))
    directory.write_history(state.history)
    execution.tell(
        Started(
            path=directory.path,
            epochs_done=state.epoch,
            epochs=prepared.job.epochs,
            device=engine.device,
            gpu=engine.gpu,
            threads=engine.threads,
            compiled=execution.warmup.compiled,
            compile_seconds=seconds,
        )
    )


def _write_end(execution: Execution, state: State, metrics: Mapping[str, Any], started: datetime) -> Model:
    """Write the metrics, the model, and the manifest with its timings."""
    prepared, engine, directory = execution.prepared, execution.engine, execution.directory
    file = _model_file(prepared, engine)
    directory.write_json(rundir.METRICS, metrics)
    directory.write(rundir.MODEL, file.to_bytes())
    seconds = sum(record["seconds"] for record in state.history)
    directory.write_json(rundir.MANIFEST, manifest(prepared, engine, started, execution.warmup.seconds, seconds))
    return Model(prepared.resolved, prepared.plan, prepared.dataset.preprocessing, file.tensors, engine.threads)


def _model_file(prepared: Prepared, engine: Engine) -> ModelFile:
    """Build the model file.  Device, threads and diagnostics are reset in it: they do not affect the model."""
    spec = prepared.resolved.to_json()
    spec["train"] |= {"device": "auto", "threads": "auto", "diagnostics": False}
    return ModelFile(spec, prepared.dataset.preprocessing.to_dict(), prepared.components, engine.parameters())
