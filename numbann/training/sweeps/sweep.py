"""Sweeps: `sweep` starts one, `resume_sweep` goes on with one that stopped, `sweep_trial` trains one trial alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from numbann.errors import RunDirectoryError, SpecError, SpecFault
from numbann.runner import connected
from numbann.runner.pools import THREADS
from numbann.spec.loading import Loaded
from numbann.training import rundir
from numbann.training.callbacks import Callback
from numbann.training.lock import lock
from numbann.training.preparation import Given, Prepared, load, settings
from numbann.training.sweeps import store
from numbann.training.sweeps.course import Course, Share, Sweep
from numbann.training.sweeps.specs import portable
from numbann.training.sweeps.store import Store
from numbann.training.telling import calling

TRUST = "its spec names plugins; import them, if you trust where they come from: --trust (trust=True)"


def sweep(
    spec: Given,
    *,
    data: Any = None,
    executor: Executor | str = THREADS,
    workers: int | None = None,
    output: str | Path | None = None,
    force: bool = False,
    device: str | None = None,
    threads: int | None = None,
    seed: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    callbacks: Sequence[Callback] = (),
) -> Sweep:
    """Train the trials of a spec's sweep, and then the best of them again, as a run of its own.

    The directory is `output`, by default the spec's, else runs/NAME-sweep.  data, force, device, seed, overrides,
    callbacks: as of `train`.
    executor: where trials are trained: "threads" of this process, "processes", a cluster ("tcp://HOST:8786", "mpi"), or
    a concurrent.futures.Executor.
    workers: how many are trained at a time; threads: how many there are for all of them, or for each in an Executor of
    yours.  No bit depends on these.
    A trial that fails is a row with its error; TrainingError if all fail.
    """
    with connected(executor) as place, calling(callbacks) as tell:
        loaded = load(spec, {**(overrides or {}), **settings(device=device, seed=seed)}, data=data)
        output = loaded.spec.output if output is None else output
        course = Course(_required(loaded), data, Share.of(loaded, place, workers, threads), tell)
        _check_output(output, force)
        course.prepare()
        files = _create(output, f"{loaded.spec.name}-sweep", force)
        with lock(files.path):
            if force:
                files.clear()
            manifest = course.manifest()
            files.begin(manifest, portable(loaded))
            found = course.run(files, manifest)
    return tell.checked(found)


def resume_sweep(
    path: str | Path,
    *,
    data: Any = None,
    executor: Executor | str = THREADS,
    workers: int | None = None,
    threads: int | None = None,
    trust: bool = False,
    plugins: Iterable[str | Path] = (),
    callbacks: Sequence[Callback] = (),
) -> Sweep:
    """Go on with a sweep that stopped, or whose trials were trained one by one, to the same table.

    Trials that have ended stay as they are; the others are trained.  data: the same rows again, where they were given
    in Python.  trust: import the plugins that its spec names; plugins: take these files in their place.
    """
    files = store.open_sweep(path)
    with connected(executor) as place, lock(files.path), calling(callbacks) as tell:
        manifest, spec = files.manifest(), files.spec()
        named = [str(Path(plugin).absolute()) for plugin in plugins]
        if spec.get("plugins") and not trust and not named:
            raise RunDirectoryError(f"{files.path}: {TRUST}")
        loaded = load({**spec, **({"plugins": named} if named else {})}, data=data)
        best = rundir.RunDirectory(files.path / rundir.BEST)
        if manifest["finished"] and all(map(best.has, (rundir.MANIFEST, rundir.METRICS, rundir.MODEL))):
            raise RunDirectoryError(f"{files.path}: is complete: its best trial is {manifest['best']}")
        course = Course(_required(loaded), data, Share.of(loaded, place, workers, threads), tell)
        base = course.prepare()
        _verify_data(manifest, base, files.path)
        files.mend()
        found = course.run(files, manifest)
    return tell.checked(found)


def sweep_trial(
    spec: Given,
    trial: int,
    *,
    output: str | Path,
    data: Any = None,
    device: str | None = None,
    threads: int | None = None,
    seed: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    callbacks: Sequence[Callback] = (),
) -> Mapping[str, Any]:
    """Train one trial of a sweep, by its number from 1, and write its row into the directory that all trials share.

    For arrays of jobs on machines that share a folder: `resume_sweep` gathers the rows, and trains what is missing.
    """
    with calling(callbacks) as tell:
        loaded = _required(load(spec, {**(overrides or {}), **settings(device=device, seed=seed)}, data=data))
        course = Course(loaded, data, Share.of(loaded, THREADS, 1, threads), tell)
        course.check_alone(trial)
        course.prepare()
        files = Store(Path(output))
        files.share(course.manifest(), portable(loaded))
        found = course.run_alone(files, trial)
    return tell.checked(found)


def _required(loaded: Loaded) -> Loaded:
    """Refuse a spec without a sweep."""
    if loaded.spec.sweep is None:
        example = '{"parameters": {"optimizer.learning_rate": {"low": 1e-4, "high": 1e-2, "log": true}}}'
        raise SpecError([SpecFault("sweep", f"missing; say what to try, such as {example}")], loaded.source.name)
    return loaded


def _check_output(output: str | Path | None, force: bool) -> None:
    """Refuse a directory that is there, unless a sweep in it may be replaced."""
    if output is None or not store.is_sweep(Path(output)):
        rundir.check_output(output, force)
    elif not force:
        left = not Store(Path(output)).manifest()["finished"]
        goes_on = (
            f"a sweep that is not complete: numbann resume {output} goes on with it" if left else "a complete sweep"
        )
        what = "name another directory, or replace it with --force (force=True)"
        raise RunDirectoryError(f"{output}: has {goes_on}; {what}")


def _create(output: str | Path | None, name: str, force: bool) -> Store:
    """Make the directory, unless a sweep in it is replaced."""
    if output is not None and force and store.is_sweep(Path(output)):
        return Store(Path(output))
    return Store(rundir.create(output, name, force).path)


def _verify_data(manifest: Mapping[str, Any], base: Prepared, path: Path) -> None:
    """Refuse to go on with other data."""
    for known, (file, digest) in zip(manifest["data"], base.facts.files, strict=False):
        if known["sha256"] != digest:
            raise RunDirectoryError(f"{file}: has changed since the sweep in {path} began; bring the old file back")
