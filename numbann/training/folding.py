"""Folds: the models that are trained on the rows of one spec, and each one's own preparation.

A model is prepared as a training of its own is: only its seed and its rows are others, and what is fitted to training
rows is fitted to these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from functools import cached_property
from math import inf
from threading import Lock
from typing import Any

from numbann.data.memory import available
from numbann.data.parts import Fold
from numbann.data.source import SplitData
from numbann.data.streaming import Streamed
from numbann.engine.devices import DEFAULT, device_of
from numbann.model.provenance import components_of, present_names
from numbann.network import random
from numbann.records import dataclass
from numbann.spec.loading import Loaded
from numbann.spec.resolution import Resolved
from numbann.training.kept import Kept
from numbann.training.preparation import Prepared, plan, read
from numbann.training.sent import Sent, naming_place
from numbann.training.warming import warm

SEEDS = 1 << 63


@dataclass(frozen=True)
class Share:
    """How models share the threads of a machine: so many at work at a time, with so many threads each.

    begun: how many may be begun at a time, as memory allows, by taking turns.  No bit depends on it.
    """

    working: int
    threads: int
    begun: float

    @classmethod
    def of(cls, models: int, prepared: Prepared, threads: int, each: int | None = None) -> Share:
        """Share out threads.  prepared: the preparation of all rows.  A GPU has one model at a time.

        each: the threads of a model where others run them, who know how many run at a time.
        """
        on_gpu = device_of(prepared.resolved.spec.train.device) is not DEFAULT
        working = 1 if on_gpu else min(models, threads)
        return cls(working, each or threads // working, room_for(prepared))


def room_for(prepared: Prepared) -> float:
    """Return for the rows of how many models there is memory.  prepared: the preparation of all rows."""
    x = prepared.dataset.train.x
    return inf if isinstance(x, Streamed) else available() // (2 * max(1, x.nbytes))


@dataclass(frozen=True)
class Place:
    """A model among the others, counted from 1; fold: the one that it leaves out, None if it trains on all rows.

    epochs: after how many it ends, in the midst of its schedule; None for its own end.
    """

    number: int
    fold: int | None
    repeat: int
    seed: int
    epochs: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the place as JSON values."""
        return {"model": self.number, "fold": self.fold, "repeat": self.repeat, "seed": self.seed}


@dataclass(frozen=True)
class Folding:
    """The rows of a spec, cut into folds.

    given: the rows, where they were given in Python.  anew: whether each repeat cuts them anew, or has other seeds
    alone.  copied: whether data files go along to other processes.
    """

    loaded: Loaded
    source: SplitData
    resolved: Resolved
    count: int
    repeats: int
    anew: bool = False
    given: Any = field(default=None, repr=False)
    copied: bool = False

    @classmethod
    def of(cls, prepared: Prepared, given: Any = None, repeats: int = 0) -> Folding:
        """Return the folds that a spec asks for.  repeats: how often they are cut anew, in the place of members."""
        ensemble = prepared.resolved.spec.ensemble
        assert ensemble is not None
        assert prepared.source is not None
        times = repeats or ensemble.members
        return cls(prepared.loaded, prepared.source, prepared.resolved, ensemble.folds, times, repeats > 0, given)

    def without_test(self) -> Folding:
        """Return the same folds of data without a test part."""
        return replace(self, source=replace(self.source, parts={"train": self.source.parts["train"]}))

    @property
    def places(self) -> list[Place]:
        """The models, in their order: fold by fold, repeat by repeat."""
        return [
            Place(1 + fold + repeat * self.count, 1 + fold, 1 + repeat, self._seed(repeat, fold))
            for repeat in range(self.repeats)
            for fold in range(self.count)
        ]

    def refitted(self, epochs: int) -> list[Place]:
        """The models that replace them, trained on all rows for some epochs."""
        first = len(self.places)
        return [replace(place, number=first + place.number, fold=None, epochs=epochs) for place in self.places]

    def _seed(self, repeat: int, fold: int) -> int:
        draws = random.generator(self.loaded.spec.seed, random.MODELS, repeat, fold)
        return int(draws.integers(SEEDS))

    def fold(self, place: Place) -> Fold:
        """Return the places of a model's rows in the training part."""
        assert place.fold is not None
        return self._cuts[place.repeat - 1 if self.anew else 0][place.fold - 1]

    @cached_property
    def _cuts(self) -> list[list[Fold]]:
        return [self.source.folds(self.count, repeat) for repeat in range(self.repeats if self.anew else 1)]

    def prepare(self, place: Place) -> Prepared:
        """Prepare a model: encode its rows and plan its network."""
        source = self.source if place.fold is None else self.source.fold(self.fold(place))
        loaded = replace(self.loaded, spec=replace(self.resolved.spec, seed=place.seed))  # one batch size for all
        return plan(loaded, source, _untold)

    def here(self, threads: int) -> Folding:
        """Return the folds in this process.  threads: of each model."""
        return self

    def whole(self) -> Folding:
        """Return the same folds, whose data files go along to other processes."""
        return replace(self, copied=True)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Pickle what the rows are read from: another process reads them once."""
        spec = present_names(self.resolved.to_json(), self.loaded.registry)
        sent = Sent.of(spec, self.given, self.source.facts.files, components_of(self.resolved))
        return _Away, (sent.with_copies() if self.copied else sent, self.count, self.repeats, self.anew)


def _untold(event: Any) -> None:
    """Say nothing: what is said of the data is said once for all models."""


_READ: dict[Any, Folding] = {}  # the last one that was read in this process
_LOCK = Lock()


@dataclass(frozen=True)
class _Away:
    """Folds that another process has sent."""

    sent: Sent
    count: int
    repeats: int
    anew: bool

    def here(self, threads: int) -> Folding:
        """Return the folds in this process; it reads them once, and its machine compiles once.  Errors name it."""
        key = self.sent.name, self.count, self.repeats, self.anew
        with _LOCK, naming_place():
            if key not in _READ:
                loaded = self.sent.load()
                source = Kept.of(read(loaded, self.sent.given), of_folds=self.repeats > 1 and not self.anew)
                prepared = plan(loaded, source, _untold)
                self.sent.check(components_of(prepared.resolved))
                warm(prepared, threads)
                _READ.clear()
                _READ[key] = Folding(
                    loaded, source, prepared.resolved, self.count, self.repeats, self.anew, self.sent.given
                )
            return _READ[key]
