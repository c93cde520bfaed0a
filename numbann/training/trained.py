"""What a model of several leaves behind, and what all of them are worth together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from numbann.data.contract import HELD_BACK, PARTS
from numbann.data.preprocessing import Preprocessing
from numbann.engine.interface import Engine
from numbann.fit.state import State
from numbann.model.assessment import Assessment, assess
from numbann.model.ensemble import from_units, in_units
from numbann.model.model import Model
from numbann.network.plan import Plan
from numbann.records import dataclass
from numbann.training.callbacks import ModelEnded
from numbann.training.folding import Folding, Place
from numbann.training.preparation import Prepared


@dataclass(frozen=True)
class Outputs:
    """What a model gives for some rows of a part: rows (n,), their places; values (n, O) in the target's unit.

    loss: the mean over these rows; weight: the sum of what they count in it.
    """

    rows: np.ndarray
    values: np.ndarray
    loss: float
    weight: float


@dataclass(frozen=True)
class Trained:
    """A trained model.

    measures: its loss and metrics on each part.  held_out: a digest of the rows of its fold and their targets, empty
    without a fold.  epoch: after which its weights are.  network: its plan, preprocessing and tensors, None where it is
    only measured.
    """

    place: Place
    history: Sequence[Mapping[str, Any]]
    best_epoch: int
    epoch: int
    outputs: Mapping[str, Outputs]
    measures: Mapping[str, Mapping[str, float]]
    held_out: str = ""
    network: tuple[Plan, Preprocessing, Mapping[str, np.ndarray]] | None = None

    def model(self, whole: Prepared, threads: int) -> Model:
        """Return it as a model.  whole: the preparation of all rows."""
        assert self.network is not None
        return Model(whole.resolved, *self.network, threads)

    @property
    def seconds(self) -> float:
        """How long it was trained."""
        return float(sum(record["seconds"] for record in self.history))

    def to_json(self) -> dict[str, Any]:
        """Return its place, course and figures as JSON values."""
        epochs = epochs_of_weights(self.best_epoch, self.epoch)
        course = {**epochs, "epochs": len(self.history), "seconds": round(self.seconds, 6)}
        fold = {"held_out": self.held_out} if self.held_out else {}
        measures = {part: dict(self.measures[part]) for part in HELD_BACK if part in self.measures}
        return {**self.place.to_json(), **fold, **course, **measures}


def finish(
    folding: Folding, place: Place, prepared: Prepared, engine: Engine, state: State, *, keep: bool = True
) -> Trained:
    """Measure the model in an engine on every part, and return all that is kept of it.

    keep: the network, too; else it is measured by its fold alone.
    """
    outputs, measures = {}, {}
    fold = None if place.fold is None else folding.fold(place)
    parts = prepared.dataset.parts
    held_out = "" if fold is None else _digest(fold.validation, parts["validation"].raw_target)
    for name, part in (parts if keep else {"validation": parts["validation"]}).items():
        loss, y = engine.evaluate(part.x, part.t, part.loss_weight, part.group)
        rows = np.arange(len(y)) if fold is None or name == "test" else getattr(fold, name)
        weight = float(len(y)) if name == "test" or part.loss_weight is None else float(part.loss_weight.sum())
        outputs[name] = Outputs(rows, in_units(prepared.resolved, prepared.dataset.preprocessing, y), loss, weight)
        measures[name] = {"loss": loss, **prepared.score(part, y)}
    best = state.best.epoch if place.fold is not None else state.epoch
    epoch = state.epoch if state.best_kept is None else state.best.epoch
    network = (prepared.plan, prepared.dataset.preprocessing, engine.parameters()) if keep else None
    return Trained(place, tuple(state.history), best, epoch, outputs, measures, held_out, network)


def _digest(rows: np.ndarray, targets: np.ndarray) -> str:
    """Return what tells rows and their targets from others: figures on the same ones can be compared pair by pair."""
    plain = targets.tobytes() if targets.dtype.kind in "biuf" else "\0".join(map(str, targets.ravel())).encode()
    return hashlib.sha256(rows.astype("<i8").tobytes() + plain).hexdigest()[:16]


def ended(found: Trained) -> ModelEnded:
    """Return the event of a trained model."""
    place, part = found.place, "train" if found.place.fold is None else "validation"
    course = (found.best_epoch, len(found.history), found.seconds)
    measures = found.measures[part]
    return ModelEnded(place.number, place.fold, place.repeat, *course, measures, weights_epoch=found.epoch)


@dataclass(frozen=True)
class Together:
    """What several models give for the rows of a part: for each row the mean of those that were asked."""

    rows: np.ndarray
    values: np.ndarray
    loss: float

    @classmethod
    def of(cls, every: Iterable[Outputs], count: int) -> Together:
        """Return the mean, row by row, of what some models give for rows among `count`."""
        total, asked, loss, weight = None, np.zeros(count, np.int64), 0.0, 0.0
        for one in every:
            total = np.zeros((count, one.values.shape[1])) if total is None else total
            total[one.rows] += one.values
            asked[one.rows] += 1
            loss, weight = loss + one.loss * one.weight, weight + one.weight
        assert total is not None
        rows = np.flatnonzero(asked)
        return cls(rows, total[rows] / asked[rows, None], loss / weight)

    def assess(self, whole: Prepared, part: str) -> Assessment:
        """Assess them by the targets of a part."""
        held, preprocessing = whole.dataset.parts[part], whole.dataset.preprocessing
        given = {"weight": held.weight, "group": held.group}
        own = {name: None if each is None else each[self.rows] for name, each in given.items()}
        return assess(whole.resolved, preprocessing, self.loss, self.outputs(whole), held.raw_target[self.rows], **own)

    def outputs(self, whole: Prepared) -> np.ndarray:
        """Return them as outputs that go with the preprocessing of all training rows."""
        return from_units(whole.resolved, whole.dataset.preprocessing, self.values)


def measure_together(whole: Prepared, folds: Sequence[Trained], final: Sequence[Trained]) -> dict[str, Any]:
    """Return what several models are worth as one, as metrics.json has it.

    folds: those that each left a fold out, from whose predictions of it the validation figures come.  final: those that
    the ensemble has, which are the same unless they were trained anew.
    """
    best, kept = mean_epoch(one.best_epoch for one in folds), mean_epoch(one.epoch for one in final)
    metrics: dict[str, Any] = {**epochs_of_weights(best, kept)}
    more: dict[str, dict[str, Any]] = {}
    for part in PARTS:
        models = folds if part == "validation" else final
        every = [one.outputs[part] for one in models if part in one.outputs]
        if not every:
            continue
        rows_of = "train" if part == "validation" else part
        found = Together.of(every, len(whole.dataset.parts[rows_of].raw_target)).assess(whole, rows_of)
        metrics[part] = found.measures
        for kind, value in found.to_json().items():
            more.setdefault(kind, {})[part] = value
    classes = {"classes": list(whole.facts.task.subjects)} if "confusion" in more else {}
    several = {"models": [one.to_json() for one in folds]}
    if final is not folds:
        several["refitted"] = [one.to_json() for one in final]
    return {**metrics, **classes, **more, **several}


def mean_epoch(epochs: Iterable[int]) -> int:
    """Return the mean of epochs, a whole number."""
    every = list(epochs)
    return int(sum(every) / len(every) + 0.5)


def epochs_of_weights(best: int, kept: int) -> dict[str, int]:
    """Return the best epoch as files have it, and that of the weights that are kept if it is another."""
    return {"best_epoch": best, **({"weights_epoch": kept} if kept != best else {})}
