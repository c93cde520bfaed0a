"""Carrying a run out: training under checkpoints, then measuring and writing.  Which epoch follows, loop.py knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from numbann.components.provenance import components_of, recorded
from numbann.data.source import Part
from numbann.errors import TrainingError
from numbann.model.file import ModelFile
from numbann.model.model import Model, from_file
from numbann.model.outputs import confusion, score
from numbann.training import rundir
from numbann.training.callbacks import Callback, EpochEnded, Finished, Started
from numbann.training.checkpoint import to_bytes
from numbann.training.diagnostics import Diagnosis
from numbann.training.loop import Course, fit
from numbann.training.manifest import identity, manifest
from numbann.training.preparation import Job
from numbann.training.rundir import RunDirectory
from numbann.training.state import State

CHECKPOINT_SECONDS = 10.0  # between two checkpoints while training


@dataclass(frozen=True)
class Run:
    """A complete run: its directory, one record an epoch, its metrics and its model."""

    path: Path
    history: Sequence[Mapping[str, Any]]
    metrics: Mapping[str, Any]
    model: Model


class Interrupted(KeyboardInterrupt):
    """A run was interrupted; `path` is the run directory, whose checkpoint is saved."""

    def __init__(self, path: Path, exit_code: int) -> None:
        super().__init__(f"checkpoint saved; resume with: numbann resume {path}")
        self.path, self.exit_code = path, exit_code


@dataclass(frozen=True)
class Warmth:
    """How many kernels the engine had to compile before it could start, the seconds that took; what looks at layers."""

    compiled: int
    seconds: float
    diagnosis: Diagnosis | None = None


@dataclass(frozen=True)
class Execution:
    """A job, the engine and the directory that it runs in, and who is told about it."""

    job: Job
    engine: Any
    directory: RunDirectory
    tell: Callback
    warmth: Warmth


def warmed_up(engine: Any, job: Job) -> Warmth:
    """Compile everything, so that a fault shows before anything is written.

    The engine then holds the training rows, and its weights are still to be set.
    """
    start, part = perf_counter(), job.dataset.train
    engine.load_data(part.x, part.t, part.loss_weight)
    engine.evaluate(part.x[:1], part.t[:1])
    diagnosis = Diagnosis(engine, job) if job.resolved.spec.train.diagnostics else None
    return Warmth(engine.compiled, perf_counter() - start, diagnosis)


def carried_out(execution: Execution, state: State) -> Run:
    """Train from a state to the end, measure, and write everything."""
    started = datetime.now(UTC)
    _write_beginning(execution, state, started)
    begin = perf_counter()
    state = _trained(execution, state)
    weights_epoch = state.epoch
    if state.best_tensors is not None:
        execution.engine.set_parameters(state.best_tensors)
        weights_epoch = state.best.epoch
    metrics = {"best_epoch": state.best.epoch, **_measured(execution)}
    model = _write_end(execution, state, metrics, started)
    path = execution.directory.path
    execution.tell(Finished(path, metrics, state.epoch, weights_epoch, perf_counter() - begin))
    return Run(path, state.history, metrics, model)


def _trained(execution: Execution, first: State) -> State:
    """The state after the last epoch.  However training ends, the checkpoint is the end of the last whole epoch."""
    state, saved = first, perf_counter()
    if execution.warmth.diagnosis:
        execution.warmth.diagnosis.recall(first.history)
    try:
        for state in fit(execution.engine, _course(execution), first, execution.tell):
            execution.directory.append_history(state.history[-1])
            execution.tell(EpochEnded(state.history[-1], state.best.epoch == state.epoch))
            if perf_counter() - saved > CHECKPOINT_SECONDS:
                _save(execution, state)
                saved = perf_counter()
    except KeyboardInterrupt as interruption:
        raise Interrupted(execution.directory.path, getattr(interruption, "exit_code", 130)) from interruption
    except TrainingError as error:
        kept = f"the checkpoint after epoch {state.epoch} is kept in {execution.directory.path}"
        raise TrainingError(f"{error}\n{kept}") from None
    finally:
        _save(execution, state)
    return state


def _save(execution: Execution, state: State) -> None:
    execution.directory.write(rundir.CHECKPOINT, to_bytes(state, identity(execution.job)))


def _course(execution: Execution) -> Course:
    job, diagnosis = execution.job, execution.warmth.diagnosis
    part = job.dataset.validation
    return Course(
        epochs=job.resolved.spec.train.epochs,
        rates=job.rates,
        watch=job.watch,
        keep_best=job.resolved.spec.train.early_stopping is not None,
        validate=(lambda: {}) if part is None else (lambda: _measure(execution, part)[0]),
        diagnose=(lambda epoch: diagnosis.of_epoch(epoch, execution.tell)) if diagnosis else (lambda epoch: {}),
    )


def _measured(execution: Execution) -> dict[str, Any]:
    """Loss and metrics of every part; of classes also which of them are taken for which."""
    dataset, reading = execution.job.dataset, execution.job.reading
    measured: dict[str, Any] = {}
    confusions = {}
    for name, part in (("train", dataset.train), ("validation", dataset.validation), ("test", dataset.test)):
        if part is not None:
            measured[name], outputs = _measure(execution, part)
            confusions[name] = confusion(reading, outputs, part.raw_target)
    if confusions["train"] is not None:
        measured |= {"classes": list(reading.classes), "confusion": confusions}
    return measured


def _measure(execution: Execution, part: Part) -> tuple[dict[str, float], np.ndarray]:
    """Loss and metrics, and the network's outputs."""
    loss, outputs = execution.engine.evaluate(part.x, part.t, part.loss_weight)
    job = execution.job
    scores = score(job.resolved.metrics, job.reading, outputs, part.raw_target, part.weight)
    return {"loss": loss, **scores}, outputs


# ---- files


def _write_beginning(execution: Execution, state: State, started: datetime) -> None:
    job, engine, directory, warmth = execution.job, execution.engine, execution.directory, execution.warmth
    directory.write_json(rundir.RESOLVED, job.resolved.with_engine(engine.device, engine.threads).to_json())
    directory.write_json(rundir.MANIFEST, manifest(job, engine, started=started, compile_seconds=warmth.seconds))
    directory.write_history(state.history)
    execution.tell(
        Started(
            path=directory.path,
            epochs_done=state.epoch,
            epochs=job.resolved.spec.train.epochs,
            device=engine.device,
            gpu=engine.gpu,
            threads=engine.threads,
            compiled=warmth.compiled,
            compile_seconds=warmth.seconds,
        )
    )


def _write_end(execution: Execution, state: State, metrics: Mapping[str, Any], started: datetime) -> Model:
    """The metrics, the model as it will be loaded again, and the manifest with its timings."""
    job, engine, directory = execution.job, execution.engine, execution.directory
    directory.write_json(rundir.METRICS, metrics)
    file = _model_file(job, engine)
    directory.write(rundir.MODEL, file.to_bytes())
    directory.write_json(
        rundir.MANIFEST,
        manifest(
            job,
            engine,
            started=started,
            compile_seconds=execution.warmth.seconds,
            finished=datetime.now(UTC),
            training_seconds=sum(record["seconds"] for record in state.history),
        ),
    )
    return from_file(file, str(directory.path / rundir.MODEL), engine.threads)


def _model_file(job: Job, engine: Any) -> ModelFile:
    """The model file.  It names no device, no threads and no diagnostics: they change no bit of a model."""
    components = recorded(components_of(job.resolved), job.loaded.registry)
    preprocessing = job.dataset.preprocessing
    spec = job.resolved.to_json()
    spec["train"] |= {"device": "auto", "threads": "auto", "diagnostics": False}
    return ModelFile(spec, preprocessing.inputs, preprocessing.to_dict(), components, engine.parameters())
