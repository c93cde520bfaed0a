"""Runs of specs: `train` starts one, `resume` continues one that stopped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Literal

from numbann.engine.devices import expect
from numbann.errors import NumbannError, RunDirectoryError, SpecError, shown
from numbann.fit.fitting import load as load_rows
from numbann.fit.state import State
from numbann.fit.stopping import exhausted
from numbann.model.provenance import registry_of
from numbann.plugins.finding import with_files
from numbann.runner import connected
from numbann.runner.pools import THREADS
from numbann.spec.loading import Loaded, plugins_of
from numbann.training import rundir
from numbann.training.callbacks import Callback, Event
from numbann.training.checkpoint import load_state, restore
from numbann.training.ensembles import execute_ensemble
from numbann.training.execution import Execution, Run, Training, execute, follow, warm_up
from numbann.training.folding import Folding
from numbann.training.in_memory import train_one, train_several
from numbann.training.interruption import untouched
from numbann.training.lock import lock
from numbann.training.manifest import Stored, identity, read_manifest, verify_unchanged
from numbann.training.preparation import Given, Prepared, engine_of, load, prepare, prepare_loaded, settings
from numbann.training.rank_checks import check_ranks
from numbann.training.ranks import MPI, Ranks, hinting, leads, ranked
from numbann.training.telling import calling
from numbann.training.trackers import make_all

PLACES = ("dir", "tracking_uri", "entity")  # keys of callbacks that say where they write
REMEDY = "import the plugins that its spec names, if you trust where it comes from: --trust (trust=True)"


def train(
    spec: Given,
    *,
    data: Any = None,
    output: str | Path | Literal[False] | None = None,
    force: bool = False,
    device: str | None = None,
    threads: int | None = None,
    seed: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    executor: Executor | str = THREADS,
    ranks: Ranks | str | None = None,
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Train the model of a spec (a path, or a dict) and write its run directory.

    data: the rows, for a spec without data.path: a frame of pandas, Polars or Arrow, columns or rows by name, a pair
    (x, y), or {"train": ..., "test": ...} of these.
    output: the directory, by default the spec's, else runs/NAME; False writes nothing, and the run is in memory alone.
    force: replace an existing run.  overrides: values that replace those of the spec, by path: {"train.epochs": 5}.
    callbacks: functions that are called with each event of the run.  Ctrl-C raises Interrupted, a KeyboardInterrupt,
    after the checkpoint is saved.
    executor: where the models of an ensemble are trained: "threads" of this process, "processes", a cluster
    ("tcp://HOST:8786", "mpi"), or a concurrent.futures.Executor.
    ranks: "mpi" in a program that mpiexec has started: all its ranks train this one model together, to the same bits.
    Rank 0 writes the run and calls the callbacks.  All return the run; where it fails, the others end by SystemExit.
    """
    changed = {**(overrides or {}), **settings(device=device, threads=threads, seed=seed)}
    with (
        ranked(ranks) as own,
        calling(callbacks if leads(own) else ()) as tell,
        connected(executor) as place,
        hinting(own is not None or executor == MPI),
    ):
        if own is not None:
            _refuse_memory(output)
        if own is not None and not own.leads:
            prepared = prepare_loaded(_without_sweep(load(spec, changed, data=data)), tell, data)
            return _train_beside(prepared, own, tell)
        if output is not False:
            rundir.check_output(output, force)
        loaded = _without_sweep(load(spec, changed, data=data))
        expect(loaded.spec.train.device)
        prepared = prepare_loaded(loaded, tell, data)
        tell.add(*make_all(prepared.resolved.spec.callbacks))
        folding = _folding(prepared, data, executor, own)
        if output is False:
            return tell.checked(_train_in_memory(prepared, folding, tell, place))
        output = prepared.loaded.spec.output if output is None else output
        rundir.check_output(output, force)
        run = _train_in_directory(prepared, folding, tell, place, output, force, own)
    return tell.checked(run)


def _train_in_directory(
    prepared: Prepared,
    folding: Folding | None,
    tell: Callback,
    executor: Executor | str,
    output: str | Path | None,
    force: bool,
    ranks: Ranks | None,
) -> Run:
    """Train a prepared run, and write it."""
    with engine_of(prepared, tell, ranks) as engine:
        warmup = warm_up(engine, prepared)
        directory = rundir.create(output, prepared.resolved.spec.name, force)
        try:
            with lock(directory.path):
                directory.sweep()
                execution = Execution(prepared, engine, tell, warmup, directory, prepared.loaded.source.text, ranks)
                if ranks is not None:
                    ranks.begin(prepared, engine.threads, None)
                return execute(execution) if folding is None else execute_ensemble(execution, folding, executor)
        finally:
            directory.remove_if_empty()


def _train_beside(prepared: Prepared, ranks: Ranks, tell: Callback, state: State | None = None) -> Run:
    """Train a run of rank 0 on another rank, from a state or from the beginning."""
    check_ranks(prepared, ranks.count)
    with engine_of(prepared, tell, ranks) as engine:
        load_rows(engine, prepared.job)
        if state is not None:
            restore(engine, state, Path("checkpoint"))
        ranks.begin(prepared, engine.threads, state)
        return follow(prepared, engine, ranks, state)


def resume(
    path: str | Path,
    *,
    data: Any = None,
    epochs: int | None = None,
    device: str | None = None,
    threads: int | None = None,
    trust: bool = False,
    plugins: Iterable[str | Path] = (),
    executor: Executor | str = THREADS,
    ranks: Ranks | str | None = None,
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Resume a run where it stopped, bit for bit.  epochs: the new total, also for a run that was complete.

    data: the same rows again, where they were given in Python.
    plugins: files of plugins to import.  Components that numbann lacks are looked up in them and in what is installed;
    nothing is imported because the run names it.
    trust: import the plugins that the run's spec names, too, whose code can do anything; and let its callbacks write to
    the places that it names.
    executor: where the models of an ensemble are trained, as of `train`.  ranks: those that train together, as of
    `train`; there may be another number of them than before.
    """
    overrides = settings(device=device, threads=threads, epochs=epochs)
    with ranked(ranks) as own, calling(callbacks if leads(own) else ()) as tell, connected(executor) as place:
        directory = rundir.open_existing(path)
        given = directory, overrides, data, trust, [Path(plugin).absolute() for plugin in plugins]
        if own is not None and not own.leads:
            prepared, stored = _prepare_again(*given, tell)
            return _train_beside(prepared, own, tell, _stored_state(directory, prepared, stored))
        with lock(directory.path):
            with untouched(directory.path):
                directory.sweep()
                events: list[Event] = []  # held back until it is clear that there is something to do
                prepared, stored = _prepare_again(*given, events.append)
                folding = _folding(prepared, data, executor, own)
                if folding is not None:
                    _refuse_complete_ensemble(directory, prepared, stored, epochs)
                state = None if folding is not None else _stored_state(directory, prepared, stored)
                for event in events:
                    tell(event)
                tell.add(*make_all(prepared.resolved.spec.callbacks))
                engine = engine_of(prepared, tell, own)
            with engine:
                with untouched(directory.path):
                    warmup = warm_up(engine, prepared)
                    if state is not None:
                        restore(engine, state, directory.path / rundir.CHECKPOINT)
                    if own is not None:
                        own.begin(prepared, engine.threads, state)
                execution = Execution(prepared, engine, tell, warmup, directory, ranks=own)
                run = execute(execution, state) if folding is None else execute_ensemble(execution, folding, place)
    return tell.checked(run)


def _train_in_memory(prepared: Prepared, folding: Folding | None, tell: Callback, executor: Executor | str) -> Run:
    """Train a prepared run, and write nothing."""
    with engine_of(prepared, tell) as engine:
        training = Training(prepared, engine, tell, warm_up(engine, prepared))
        return train_one(training) if folding is None else train_several(training, folding, executor)


def _prepare_again(
    directory: rundir.RunDirectory,
    overrides: Mapping[str, Any],
    data: Any,
    trust: bool,
    plugins: Iterable[Path],
    tell: Callback,
) -> tuple[Prepared, Stored]:
    """Prepare a run that goes on, and read its manifest; RunDirectoryError if it cannot go on as it began."""
    named = [*plugins]
    if trust:
        named += [path for path in plugins_of(directory.path / rundir.RESOLVED) if path.exists()]
    stored = read_manifest(directory.path / rundir.MANIFEST)
    registry = registry_of(stored.components, with_files(named), str(directory.path), REMEDY)
    changed = {**overrides, **({"plugins": [str(path) for path in named]} if named else {})}
    prepared = prepare(directory.path / rundir.RESOLVED, changed, tell, registry, data)
    _refuse_other_length(directory, prepared, overrides.get("train.epochs"))
    if not trust:
        _refuse_places(directory, prepared)
    verify_unchanged(stored, prepared, directory.path)
    return prepared, stored


def _folding(prepared: Prepared, data: Any, executor: Executor | str, ranks: Ranks | None) -> Folding | None:
    """Return the folds of an ensemble; None for a single model, which is trained here alone, or by ranks."""
    if ranks is not None:
        check_ranks(prepared, ranks.count)
    if prepared.source is not None:
        return Folding.of(prepared, data)
    if executor != THREADS:
        what = "trains the models of an ensemble, and this spec has one model; leave it out, or say how many folds"
        raise NumbannError(f'executor (--cluster): {what}: "ensemble": {{"folds": 5}}')
    return None


def _refuse_memory(output: object) -> None:
    """Refuse ranks that train in memory alone: rank 0 saves what all of them need to go on."""
    if output is False:
        raise NumbannError("output is False, and ranks train a run that is written; name a directory")


def _without_sweep(loaded: Loaded) -> Loaded:
    """Refuse a spec with a sweep, which one training would ignore."""
    if loaded.spec.sweep is not None:
        what = 'numbann sweep trains its trials; leave it out ("sweep": null) to train the spec itself'
        raise SpecError([loaded.source.fault(("sweep",), what)], loaded.source.name)
    return loaded


def _stored_state(directory: rundir.RunDirectory, prepared: Prepared, stored: Stored) -> State | None:
    """Read the state to go on from; None for a run that ended before its first checkpoint."""
    if not any(map(directory.has, (rundir.CHECKPOINT, rundir.HISTORY, rundir.MODEL))):
        return None
    state = load_state(directory.path / rundir.CHECKPOINT, identity(prepared), prepared.job)
    if stored.complete and _has_results(directory):
        _refuse_complete(directory, prepared, state)
    return state


def _has_results(directory: rundir.RunDirectory) -> bool:
    return directory.has(rundir.MODEL) and directory.has(rundir.METRICS)


def _refuse_places(directory: rundir.RunDirectory, prepared: Prepared) -> None:
    """Refuse to write where a run's own spec says, and to send a server what lets you in elsewhere."""
    for one in prepared.resolved.spec.callbacks:
        for key in PLACES:
            if one.parameters.get(key) is not None:
                what = f"its callback {one.type} writes to {shown(one.parameters[key])}"
                raise RunDirectoryError(
                    f"{directory.path}: {what}; if you trust where the run comes from: --trust (trust=True)"
                )


def _refuse_other_length(directory: rundir.RunDirectory, prepared: Prepared, epochs: int | None) -> None:
    """Refuse another number of epochs for a schedule that depends on it."""
    if epochs is not None and prepared.job.look_ahead:
        raise RunDirectoryError(
            f'{directory.path}: its schedule "{prepared.job.look_ahead[0]}" is laid out over the epochs it began with; '
            "resume without --epochs (epochs=N), or train anew"
        )


def _refuse_complete(directory: rundir.RunDirectory, prepared: Prepared, state: State) -> None:
    """Refuse to resume a complete run with nothing left to train, and leave it unchanged."""
    epochs = prepared.resolved.spec.train.epochs
    stopped = exhausted(prepared.job.watch, state.best)
    if state.epoch < epochs and not stopped:
        return
    if stopped:
        raise RunDirectoryError(
            f"{directory.path}: is complete: early stopping ended it after epoch {state.epoch}, "
            f"with its best at epoch {state.best.epoch}"
        )
    raise RunDirectoryError(
        f"{directory.path}: is complete: {state.epoch} epochs are done and {epochs} were asked for; "
        + ("train anew for more" if prepared.job.look_ahead else "ask for more with --epochs N (epochs=N)")
    )


def _refuse_complete_ensemble(
    directory: rundir.RunDirectory, prepared: Prepared, stored: Stored, epochs: int | None
) -> None:
    """Refuse to resume an ensemble with nothing left to train, or whose models would be trained anew for less."""
    ensemble = prepared.resolved.spec.ensemble
    if epochs is not None and ensemble is not None and ensemble.refit:
        raise RunDirectoryError(
            f"{directory.path}: its models were trained anew to the mean of the best epochs; resume without --epochs "
            "(epochs=N), or train anew"
        )
    if stored.complete and _has_results(directory) and epochs is None:
        raise RunDirectoryError(f"{directory.path}: is complete: its models are trained")
