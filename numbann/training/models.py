"""Trains models of a folding side by side, wherever an Executor is; none of them is on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any

from numbann.engine.devices import make_engine
from numbann.fit.fitting import begin, load, take_best
from numbann.runner import Done, Line, run
from numbann.runner.pools import PROCESSES
from numbann.training.beside import train_beside
from numbann.training.calibration import calibrate
from numbann.training.callbacks import Event
from numbann.training.folding import Folding, Place, Share
from numbann.training.trained import Trained, finish
from numbann.training.turn import Turn


def train_models(
    folding: Folding,
    places: Sequence[Place],
    share: Share,
    executor: Executor | str,
    tell: Callable[[Event], Any],
    *,
    keep: bool,
) -> Iterator[Done]:
    """Train models; yield each, a Trained or its error, as soon as it and all before it have ended.

    tell: hears of their epochs; what it raises ends all of them.  keep: their networks, too.
    """
    line = Line(share.working)

    def hear() -> None:
        for event in line.heard():
            tell(event)

    work = partial(_train, folding, line, share.threads, keep)
    workers = share.working if executor == PROCESSES else share.begun
    whole = partial(_whole, folding, line, share.threads, keep)
    for done in run(work, places, executor, workers=workers, idle=hear, stop=line.stop.set, whole=whole):
        hear()
        yield done


def _whole(folding: Folding, line: Line, threads: int, keep: bool) -> Callable[[Place], Trained]:
    """Return the work that takes the data files along."""
    return partial(_train, folding.whole(), line, threads, keep)


def _train(sent: Folding, line: Line, threads: int, keep: bool, place: Place) -> Trained:
    """Train a model and measure it, in a thread or in another process."""
    folding = sent.here(threads)
    train = folding.resolved.spec.train
    with Turn(line, place, place.epochs or train.epochs) as turn:
        prepared = folding.prepare(place)
        job = prepared.job
        with make_engine(prepared.plan, train.device, threads) as engine:
            load(engine, job)
            state = begin(engine, job)
            train_beside(engine, job, state, line, turn.tell, place.epochs)
            take_best(engine, state)
            calibrate(prepared, engine)
            return finish(folding, place, prepared, engine, state, keep=keep)
