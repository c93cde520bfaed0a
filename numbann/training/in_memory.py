"""Trains a prepared run in memory: its model, history and figures are all that is left."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from time import perf_counter

from numbann.errors import TrainingError
from numbann.fit.fitting import begin
from numbann.training.callbacks import EpochEnded, Event
from numbann.training.ensembles import (
    finished_several,
    model_of_several,
    named,
    share_of,
    started_several,
    train_all,
)
from numbann.training.execution import Run, Training, conclude, epochs_of, finished, model_of, started
from numbann.training.folding import Folding, Place
from numbann.training.models import train_models
from numbann.training.trained import Trained, ended, measure_together


def train_one(training: Training) -> Run:
    """Train a single model."""
    begun, asked = perf_counter(), None
    state = begin(training.engine, training.prepared.job)
    training.tell(started(training, None))
    for record in epochs_of(training, state):
        if record is not None and (asked := training.tell(EpochEnded(record, state.best.epoch == state.epoch))):
            break
    epoch, metrics = conclude(training, state, asked)
    return finished(training, None, state, epoch, metrics, model_of(training), perf_counter() - begun)


def train_several(training: Training, folding: Folding, executor: Executor | str) -> Run:
    """Train the models of an ensemble where an executor is."""

    def tell(event: Event) -> None:
        if asked := training.tell(event):
            raise TrainingError(f"a callback stopped the run: {asked.reason}")

    def train(places: Sequence[Place]) -> list[Trained]:
        found: list[Trained] = []
        share = share_of(training, len(places), executor)
        for done in train_models(folding, places, share, executor, tell, keep=True):
            if done.error is not None:
                raise named(done.error, places[done.place])
            found.append(done.value)
            tell(ended(done.value))
        return found

    begun = perf_counter()
    tell(started_several(training, None, len(folding.places), executor))
    folds, final = train_all(folding, train)
    metrics, model = measure_together(training.prepared, folds, final), model_of_several(training, final)
    return finished_several(training, None, folds, metrics, model, perf_counter() - begun)
