"""Cross-validation: a model for each fold, trained outside it and measured by it; nothing is kept but figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from numbann.data.contract import sources
from numbann.data.wording import short
from numbann.engine.shared.processors import available_cpus
from numbann.errors import RunDirectoryError, SpecError, SpecFault, TrainingError
from numbann.model.columns import Columns, as_csv
from numbann.records import dataclass
from numbann.runner import Done, connected
from numbann.runner.pools import THREADS
from numbann.spec.loading import Loaded
from numbann.spec.model import Ensemble
from numbann.training.beside import told
from numbann.training.callbacks import Callback, Event, ModelEnded, Started
from numbann.training.execution import sizes, warm_up
from numbann.training.folding import Folding, Place, Share
from numbann.training.models import train_models
from numbann.training.out_of_fold import columns_by_repeat, columns_of
from numbann.training.preparation import Given, Prepared, engine_of, load, prepare_loaded, settings
from numbann.training.telling import calling
from numbann.training.trained import ended


@dataclass(frozen=True, repr=False)
class CrossValidation:
    """What a spec is worth.

    folds: for each model its fold, repeat, seed, best epoch, epochs, seconds and figures ("validation"), or its
    "error".  mean, deviation: of each figure over the models that did not fail; the deviation is that of a sample.
    predictions: columns by name, for each row what the model says that has not seen it: row, fold, target, prediction
    and probabilities; of several repeats a line for each, and a column `repeat` after row.  spec: the resolved one, as
    JSON values; parameters: how many numbers a model trains.
    """

    folds: Sequence[Mapping[str, Any]]
    mean: Mapping[str, float]
    deviation: Mapping[str, float]
    predictions: Columns
    spec: Mapping[str, Any]
    parameters: int

    def __repr__(self) -> str:
        failed = f", {len(self.failed)} failed" * bool(self.failed)
        figures = ", ".join(
            f"{name} {short(mean, 4)} ± {short(self.deviation[name], 2)}" for name, mean in self.mean.items()
        )
        return f"<numbann.CrossValidation of {len(self.folds)} models{failed}: {figures}>"

    @property
    def failed(self) -> list[Mapping[str, Any]]:
        """The models that failed."""
        return [one for one in self.folds if "error" in one]

    def to_json(self) -> dict[str, Any]:
        """Return everything but the predictions as JSON values."""
        figures = {"folds": list(self.folds), "mean": dict(self.mean), "deviation": dict(self.deviation)}
        return {**figures, "spec": dict(self.spec), "parameters": self.parameters}

    def write(self, path: str | Path) -> None:
        """Write the predictions as CSV, whatever the name of the file."""
        try:
            Path(path).write_text(as_csv(self.predictions), encoding="utf-8", newline="\n")
        except OSError as error:
            raise RunDirectoryError(f"{path}: cannot be written: {error.strerror}") from None


def cross_validate(
    spec: Given,
    *,
    folds: int = 5,
    repeats: int = 1,
    data: Any = None,
    executor: Executor | str = THREADS,
    device: str | None = None,
    threads: int | None = None,
    seed: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    callbacks: Sequence[Callback] = (),
) -> CrossValidation:
    """Train the model of a spec on each of some folds' complements, and measure it by the fold.

    The rows of the training and validation part are cut into folds; the test part stays untouched.  Classes keep their
    proportions; groups stay whole, and time goes on, as data.split says.  repeats: how often the rows are cut anew.
    data, device, seed, overrides, callbacks: as of `train`; a callback that asks to stop ends it with a TrainingError,
    and the callbacks that the spec names are for runs.
    executor: where models are trained: "threads" of this process, "processes", a cluster ("tcp://HOST:8786", "mpi"), or
    a concurrent.futures.Executor.  threads: how many there are for all models together; on a cluster, or by an
    Executor, for each model, usually 1.  No bit depends on any of these.
    A model that fails is a row with its error; TrainingError if all fail.
    """
    with connected(executor) as place, calling(callbacks) as tell:
        loaded = load(spec, {**(overrides or {}), **settings(device=device, seed=seed)}, data=data)
        _check(loaded, folds, repeats)
        with naming_folds(lambda what: SpecFault("folds (--folds)", what)):
            prepared = prepare_loaded(with_folds(loaded, folds), tell, data)
        folding = Folding.of(prepared, data, repeats).without_test()
        found = _train_all(prepared, folding, tell, place, threads)
    return tell.checked(found)


def _train_all(
    prepared: Prepared, folding: Folding, tell: Callback, executor: Executor | str, threads: int | None
) -> CrossValidation:
    """Train every model where an Executor is, and tell of them."""
    each, all_of_them = None if isinstance(executor, str) else threads or 1, threads or available_cpus()
    share = Share.of(len(folding.places), prepared, all_of_them, each)
    with engine_of(prepared, tell) as engine:
        warmup = warm_up(engine, prepared)
        epochs, course = prepared.resolved.spec.train.epochs, (warmup.compiled, warmup.seconds)
        models, more = len(folding.places), sizes(prepared)
        tell(Started(None, 0, epochs, engine.device, each or all_of_them, *course, engine.gpu, models, **more))

    def told(event: Event) -> None:
        if asked := tell(event):
            raise TrainingError(f"a callback stopped the cross-validation: {asked.reason}")

    found: list[Done] = []
    for done in train_models(folding, folding.places, share, executor, told, keep=False):
        told(_ended(done, folding.places[done.place]))
        found.append(done)
    return _summary(prepared, folding, found)


def _check(loaded: Loaded, folds: int, repeats: int) -> None:
    """Refuse what cannot be cut into folds."""
    spec, faults = loaded.spec, []
    if folds < 2 or repeats < 1:
        faults.append(SpecFault("folds", f"{folds} folds, {repeats} times, are none; take 2 or more, once or more"))
    if spec.sweep is not None:
        what = (
            'numbann sweep trains its trials, also by folds; leave it out ("sweep": null) to validate the spec itself'
        )
        faults.append(SpecFault("sweep", what))
    if spec.ensemble is not None:
        what = "an ensemble has folds of its own, and its validation figures are out of fold: train it"
        faults.append(SpecFault("ensemble", f'{what}, or leave it out ("ensemble": null) to validate a single model'))
    if "validation" in sources(spec.data.path):
        what = "names a validation part, whose place folds take; leave it out, or join its rows to those of train"
        faults.append(SpecFault("data.path", what))
    if spec.data.split.by is not None and repeats > 1:
        faults.append(SpecFault("data.split.by", "rows in order are cut in one way alone; leave the repeats out"))
    if faults:
        raise SpecError(faults, loaded.source.name)


def with_folds(loaded: Loaded, folds: int) -> Loaded:
    """Return a spec with folds, also in what its preset is yet to fill in."""
    spec = replace(loaded.spec, ensemble=Ensemble(folds=folds))
    return replace(loaded, spec=spec, given={**loaded.given, "ensemble": {"folds": folds}})


@contextmanager
def naming_folds(fault: Callable[[str], SpecFault]) -> Iterator[None]:
    """Let a fault of how many folds there are name what has asked for them."""
    try:
        yield
    except SpecError as error:
        named = [fault(one.message) if one.path == "ensemble.folds" else one for one in error.faults]
        raise SpecError(named, error.source) from None


def _ended(done: Done, place: Place) -> ModelEnded:
    """Return the event of a model that is trained or has failed."""
    if done.error is None:
        return ended(done.value)
    return ModelEnded(place.number, place.fold, place.repeat, error=told(done.error))


def _summary(prepared: Prepared, folding: Folding, found: Sequence[Done]) -> CrossValidation:
    trained = [done.value for done in found if done.error is None]
    if not trained:
        raise TrainingError(f"all models failed; the first: {told(found[0].error or Exception())}")
    figures = {
        name: np.array([one.measures["validation"][name] for one in trained])
        for name in trained[0].measures["validation"]
    }
    rows = [
        {**place.to_json(), "error": told(done.error)} if done.error else done.value.to_json()
        for place, done in zip(folding.places, found, strict=True)
    ]
    mean = {name: float(values.mean()) for name, values in figures.items()}
    deviation = {name: float(values.std(ddof=1)) if len(values) > 1 else 0.0 for name, values in figures.items()}
    spec, parameters = prepared.resolved.to_json(), prepared.plan.parameters
    predictions = (columns_by_repeat if folding.repeats > 1 else columns_of)(prepared, trained)
    return CrossValidation(rows, mean, deviation, predictions, spec, parameters)
