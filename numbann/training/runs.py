"""A run from its spec to its directory, and going on with one that stopped.  The arithmetic is the engine's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numbann.engine.devices import make_engine
from numbann.engine.interface import Engine
from numbann.errors import RunDirectoryError
from numbann.simd.jit import nothing_cached
from numbann.training import rundir
from numbann.training.callbacks import Callback, Compiling, Event, to_all
from numbann.training.checkpoint import load_state
from numbann.training.execution import Execution, Run, carried_out, warmed_up
from numbann.training.lock import locked
from numbann.training.manifest import identity, verify_unchanged
from numbann.training.preparation import Given, Job, prepare
from numbann.training.state import State
from numbann.training.stopping import exhausted


def train(
    spec: Given,
    *,
    output: str | Path | None = None,
    force: bool = False,
    device: str | None = None,
    threads: int | None = None,
    seed: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Train the model of a spec (a path, or a dict) and write its run directory.

    output: the directory, else the spec's, else runs/NAME; force replaces a run that is there.  overrides: values set
    over the spec by path, {"train.epochs": 5}.  callbacks: functions that are called with each event of the run.
    Ctrl-C raises Interrupted, a KeyboardInterrupt, after the checkpoint is saved.
    """
    tell = to_all(tuple(callbacks))
    rundir.check_output(output, force)
    job = prepare(spec, {**(overrides or {}), **_settings(device=device, threads=threads, seed=seed)}, tell)
    output = job.loaded.spec.output if output is None else output
    rundir.check_output(output, force)
    with _engine(job, tell) as engine:
        warmth = warmed_up(engine, job)
        directory = rundir.create(output, job.resolved.spec.name, force)
        with locked(directory.path):
            directory.clear()
            directory.write(rundir.SPEC, job.loaded.source.text.encode())
            return carried_out(Execution(job, engine, directory, tell, warmth), _first_state(engine, job))


def _engine(job: Job, tell: Callback) -> Engine:
    """The engine of a job, after a word if it has to compile everything."""
    if nothing_cached():
        tell(Compiling())
    train = job.resolved.spec.train
    return make_engine(job.plan, train.device, train.threads)


def resume(
    path: str | Path,
    *,
    epochs: int | None = None,
    device: str | None = None,
    threads: int | None = None,
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Go on with a run where it stopped, bit for bit; epochs: train on to so many, also after it was complete."""
    tell = to_all(tuple(callbacks))
    directory = rundir.open_existing(path)
    overrides = _settings(device=device, threads=threads, epochs=epochs)
    with locked(directory.path):
        events: list[Event] = []  # told once it is sure that there is something to do
        job = prepare(directory.path / rundir.RESOLVED, overrides, events.append)
        _refuse_other_length(directory, job, epochs)
        verify_unchanged(directory.path / rundir.MANIFEST, job)
        state = load_state(directory.path / rundir.CHECKPOINT, identity(job))
        _refuse_complete(directory, job, state)
        for event in events:
            tell(event)
        with _engine(job, tell) as engine:
            warmth = warmed_up(engine, job)
            engine.set_parameters(state.tensors)
            engine.restore(dict(state.engine))
            return carried_out(Execution(job, engine, directory, tell, warmth), state)


_PATHS = {"device": "train.device", "threads": "train.threads", "seed": "seed", "epochs": "train.epochs"}


def _settings(**given: Any) -> dict[str, Any]:
    """Arguments as overrides of the spec."""
    return {_PATHS[name]: value for name, value in given.items() if value is not None}


def _first_state(engine: Engine, job: Job) -> State:
    engine.initialize(job.resolved.spec.seed)
    return State(engine.parameters(), engine.state())


def _refuse_other_length(directory: rundir.RunDirectory, job: Job, epochs: int | None) -> None:
    """A schedule that is laid out over all epochs cannot go on over more or fewer of them."""
    if epochs is not None and job.rates.look_ahead:
        raise RunDirectoryError(
            f'{directory.path}: its schedule "{job.rates.schedule.name}" is laid out over the epochs it began with; '
            "resume without --epochs (epochs=N), or train anew"
        )


def _refuse_complete(directory: rundir.RunDirectory, job: Job, state: State) -> None:
    """A run that is complete, and has nothing left to train, is not touched."""
    epochs = job.resolved.spec.train.epochs
    stopped = exhausted(job.watch, state.best)
    if not (directory.path / rundir.MODEL).exists() or (state.epoch < epochs and not stopped):
        return
    if stopped:
        raise RunDirectoryError(
            f"{directory.path}: is complete: early stopping ended it after epoch {state.epoch}, "
            f"with its best at epoch {state.best.epoch}"
        )
    raise RunDirectoryError(
        f"{directory.path}: is complete: {state.epoch} epochs are done and {epochs} were asked for; "
        + ("train anew for more" if job.rates.look_ahead else "ask for more with --epochs N (epochs=N)")
    )
