"""Trains the models of an ensemble side by side, and writes the run: each model has a folder with its own checkpoint.

A model that is done is one whose checkpoint is at its end.  So a run that stops goes on as a single one does, from what
is there: models that are done are only measured again, those in flight go on, to the same bits.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from numbann.engine.devices import make_engine
from numbann.errors import DataError, RunDirectoryError, TrainingError
from numbann.fit.fitting import begin, take_best
from numbann.model.columns import as_csv
from numbann.model.ensemble import Ensemble
from numbann.model.model import Model
from numbann.records import dataclass
from numbann.runner import Done, Line, run
from numbann.runner.parcel import Work
from numbann.runner.pools import THREADS
from numbann.training import rundir
from numbann.training.beside import passing_on
from numbann.training.calibration import calibrate
from numbann.training.callbacks import Event, Finished, Started
from numbann.training.checkpoint import load_state, restore
from numbann.training.execution import (
    Execution,
    Run,
    Training,
    find_unmeasured,
    leave_nothing,
    make_saves,
    note_failure,
    started,
    train_epochs,
    warm_up,
    write_results,
    write_specs,
)
from numbann.training.folding import Folding, Place, Share
from numbann.training.interruption import Interrupted, Interruptions
from numbann.training.manifest import identity
from numbann.training.out_of_fold import columns_of
from numbann.training.rundir import RunDirectory
from numbann.training.saves import Saves
from numbann.training.telling import NotBegunError
from numbann.training.trained import Trained, ended, finish, mean_epoch, measure_together

KEPT = (rundir.CHECKPOINT, rundir.HISTORY)  # the files of a model


class _Stopped(Exception):
    """Ends a model whose run ends; its checkpoint is written."""


class _Waiting(Exception):
    """Ends the wait for models: a signal has come."""


def execute_ensemble(execution: Execution, folding: Folding, executor: Executor | str = THREADS) -> Run:
    """Train every model that is not done, measure all of them, and write everything.

    executor: where the models are trained.
    Interrupted after a signal.  However it ends, the directory is complete or can be resumed.
    """
    course = _Course(execution, folding, executor)
    with course.interruptions:
        try:
            return course.run()
        except KeyboardInterrupt as interruption:
            path, code = execution.directory.path, getattr(interruption, "exit_code", 130)
            if course.complete:
                raise Interrupted(path, code, "the run is complete", complete=True) from interruption
            raise Interrupted(path, code, course.kept) from interruption
        except NotBegunError:
            leave_nothing(execution)
            raise
        except BaseException as error:
            note_failure(execution.directory, error)
            raise


class _Course:
    """A run of an ensemble in progress."""

    def __init__(self, execution: Execution, folding: Folding, executor: Executor | str) -> None:
        self.interruptions = Interruptions()
        self.complete = False  # whether all files of the run are written
        self._execution, self._folding = execution, folding
        self._path = execution.directory.path
        self._executor = executor
        # What other processes have of a model that is not done ends with them
        models = "checkpoints of all models" if executor == THREADS else "models that are done"
        self.kept = f"the {models} are kept in {self._path}"

    def run(self) -> Run:
        """Train, measure and write."""
        execution, began, begun = self._execution, datetime.now(UTC), perf_counter()
        prepared, places = execution.prepared, self._folding.places
        with self.interruptions.whole:
            write_specs(execution, began)
        self._tell(started_several(execution, self._path, len(places), self._executor))
        folds, final = train_all(self._folding, self._train)
        metrics = measure_together(prepared, folds, final)
        with self.interruptions.whole:
            model = self._write(folds, final, metrics, began)
            self.complete = True
        return finished_several(execution, self._path, folds, metrics, model, perf_counter() - begun)

    def _tell(self, event: Event) -> None:
        """Tell an event; TrainingError if a callback asks to stop: several models end together."""
        if asked := self._execution.tell(event):
            raise TrainingError(f"a callback stopped the run: {asked.reason}\n{self.kept}")

    # ---- training

    def _train(self, places: Sequence[Place]) -> list[Trained]:
        """Train models side by side; return them in their order."""
        found: list[Trained] = []
        while len(found) < len(places):
            try:
                with self.interruptions.steps:
                    self._train_some(places[len(found) :], found)
            except _Waiting:
                self.interruptions.release()  # raises, unless whoever set the handler wants to go on
        return found

    def _train_some(self, places: Sequence[Place], found: list[Trained]) -> None:
        """Train models, and append each to those found, until a signal comes."""
        share, line = share_of(self._execution, len(places), self._executor), Line()
        directory = self._execution.directory
        device = self._execution.engine.device
        jobs: Sequence[Any] = places
        if self._executor == THREADS:
            work: Work = partial(_train_model, self._folding, line, share.threads, device, directory)
        else:
            work, jobs = partial(_train_away, self._folding, line, share.threads, device), _Jobs(directory, places)
        for done in run(
            work,
            jobs,
            self._executor,
            workers=share.working,
            begun=share.begun,
            idle=partial(self._hear, line),
            stop=line.stop.set,
            ended=partial(self._keep, places),
            whole=lambda: partial(_train_away, self._folding.whole(), line, share.threads, device),
        ):
            for event in line.heard():
                self._tell(event)
            if done.error is not None:
                raise named(done.error, places[done.place], self.kept)
            trained = done.value.trained if isinstance(done.value, _Back) else done.value
            found.append(trained)
            self._tell(ended(trained))

    def _keep(self, places: Sequence[Place], done: Done) -> None:
        """Write what a model has left elsewhere into its directory."""
        if isinstance(done.value, _Back):
            with self.interruptions.whole:
                directory = self._execution.directory.model(places[done.place].number)
                for name, content in done.value.files.items():
                    directory.write(name, content)

    def _hear(self, line: Line) -> None:
        """Pass events on; _Waiting if a signal has come."""
        for event in line.heard():
            self._tell(event)
        if self.interruptions.waiting is not None:
            raise _Waiting

    # ---- files

    def _write(
        self, folds: Sequence[Trained], final: Sequence[Trained], metrics: Mapping[str, Any], started: datetime
    ) -> Ensemble:
        """Write what was predicted out of fold, the metrics, the model, and the manifest with its timings."""
        prepared, model = self._execution.prepared, model_of_several(self._execution, final)
        self._execution.directory.write(rundir.OUT_OF_FOLD, as_csv(columns_of(prepared, folds)).encode())
        seconds = sum(one.seconds for one in (folds if final is folds else [*folds, *final]))
        write_results(self._execution, model, metrics, started, seconds)
        return model


def share_of(training: Training, models: int, executor: Executor | str) -> Share:
    """Share out the threads; on a cluster each model has as many as the spec says, usually one."""
    prepared, threads = training.prepared, training.engine.threads
    given = prepared.resolved.spec.train.threads
    each = None if isinstance(executor, str) else 1 if given == "auto" else int(given)
    return Share.of(models, prepared, threads, each)


def started_several(training: Training, path: Path | None, models: int, executor: Executor | str) -> Started:
    """Return the event that the training of several models begins."""
    event = started(training, path, models=models)
    return event if isinstance(executor, str) else replace(event, threads=share_of(training, 1, executor).threads)


def train_all(
    folding: Folding, train: Callable[[Sequence[Place]], list[Trained]]
) -> tuple[list[Trained], list[Trained]]:
    """Train a model for each fold, and those that take their place if the spec asks for that; return both."""
    ensemble, folds = folding.resolved.spec.ensemble, train(folding.places)
    again = ensemble is not None and ensemble.refit
    return folds, train(folding.refitted(mean_epoch(one.epoch for one in folds))) if again else folds


def model_of_several(training: Training, final: Sequence[Trained]) -> Ensemble:
    """Return trained models as one."""
    prepared, threads = training.prepared, training.engine.threads
    return Ensemble.of([one.model(prepared, threads) for one in final], prepared.dataset.preprocessing)


def finished_several(
    training: Training,
    path: Path | None,
    folds: Sequence[Trained],
    metrics: Mapping[str, Any],
    model: Model,
    seconds: float,
) -> Run:
    """Tell that the training of several models is complete, and return it."""
    history = tuple({"model": one.place.number, **record} for one in folds for record in one.history)
    warnings, rows = find_unmeasured(training.prepared, metrics), len(training.prepared.dataset.train.raw_target)
    epochs, best = sum(len(one.history) for one in folds), metrics["best_epoch"]
    training.tell(Finished(path, metrics, epochs, best, rows, seconds, warnings))
    return Run(path, history, metrics, model)


def named(error: Exception, place: Place, kept: str = "") -> Exception:
    """Return the error of a model with its number.  kept: what is kept of the others, in words."""
    if not isinstance(error, TrainingError | RunDirectoryError | DataError):
        return error
    fold = "" if place.fold is None else f" (fold {place.fold})"
    more = f"\n{kept}" if kept and not isinstance(error, DataError) else ""
    found = type(error)(f"model {place.number}{fold}: {error}{more}")
    found.__cause__ = error.__cause__
    return found


@dataclass(frozen=True)
class _Back:
    """What comes back from elsewhere: a model, and the files of its directory."""

    trained: Trained
    files: Mapping[str, bytes]


class _Jobs(Sequence[Any]):
    """Models that are trained elsewhere, each with the files that it goes on from, which are read when it begins."""

    def __init__(self, directory: RunDirectory, places: Sequence[Place]) -> None:
        self._directory, self._places = directory, places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: Any) -> Any:
        place = self._places[number]
        return place, _files(self._directory.model(place.number))


def _files(directory: RunDirectory) -> dict[str, bytes]:
    """Return the files of a model's directory."""
    return {name: (directory.path / name).read_bytes() for name in KEPT if directory.has(name)}


def _train_away(
    sent: Folding, line: Line, threads: int, device: str, job: tuple[Place, Mapping[str, bytes]]
) -> Generator[float, None, _Back]:
    """Train a model in another process, which may be on another machine, from the files that came along."""
    folding, (place, files) = sent.here(threads), job
    with tempfile.TemporaryDirectory(prefix="numbann-") as folder:
        parent = RunDirectory(Path(folder))
        for name, content in files.items():
            parent.model(place.number).write(name, content)
        trained = yield from _train_model(folding, line, threads, device, parent, place)
        return _Back(trained, _files(parent.model(place.number)))


def _train_model(
    folding: Folding, line: Line, threads: int, device: str, parent: RunDirectory, place: Place
) -> Generator[float, None, Trained]:
    """Train a model from its checkpoint, or from the beginning.  parent: the directory that has those of all models."""
    prepared, directory = folding.prepare(place), parent.model(place.number)
    with make_engine(prepared.plan, device, threads) as engine:
        tell, warmup = passing_on(line, place.number), warm_up(engine, prepared)
        own = Execution(prepared, engine, tell, warmup, directory)
        stored = _stored(own)
        state = stored or begin(engine, prepared.job)
        if stored or directory.has(rundir.HISTORY):
            directory.write_history(state.history)
        saves = make_saves(own, state, stored=stored is not None, kind=partial(_ModelSaves, line))
        yield from train_epochs(own, state, saves, place.epochs)
        take_best(engine, state)
        calibrate(prepared, engine)
        return finish(folding, place, prepared, engine, state)


def _stored(execution: Execution) -> Any:
    """Restore the state that the model's checkpoint holds; None if there is none."""
    path = execution.directory.path / rundir.CHECKPOINT
    if not execution.directory.has(rundir.CHECKPOINT):
        return None
    state = load_state(path, identity(execution.prepared), execution.prepared.job)
    restore(execution.engine, state, path)
    return state


class _ModelSaves(Saves):
    """Saves a model's state; if its run ends, the model ends after a save."""

    def __init__(self, line: Line, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._line = line

    def due(self) -> bool:
        return self._line.stop.is_set() or super().due()

    def save(self) -> None:
        super().save()
        if self._line.stop.is_set():
            raise _Stopped
