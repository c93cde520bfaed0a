"""Trains models of a folding side by side, wherever an Executor is; none of them is on disk."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any

from numbann.engine.devices import make_engine
from numbann.fit.fitting import begin, load, take_best
from numbann.runner import Done, Line, run
from numbann.training.beside import passing_on, train_beside
from numbann.training.calibration import calibrate
from numbann.training.callbacks import Event
from numbann.training.folding import Folding, Place, Share
from numbann.training.trained import Trained, finish


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
    line = Line()

    def hear() -> None:
        for event in line.heard():
            tell(event)

    work = partial(_train, folding, line, share.threads, keep)
    for done in run(
        work,
        places,
        executor,
        workers=share.working,
        begun=share.begun,
        idle=hear,
        stop=line.stop.set,
        whole=lambda: partial(_train, folding.whole(), line, share.threads, keep),
    ):
        hear()
        yield done


def _train(sent: Folding, line: Line, threads: int, keep: bool, place: Place) -> Generator[float, None, Trained]:
    """Train a model and measure it, in a thread or in another process."""
    folding = sent.here(threads)
    prepared = folding.prepare(place)
    job = prepared.job
    with make_engine(prepared.plan, prepared.resolved.spec.train.device, threads) as engine:
        load(engine, job)
        state = begin(engine, job)
        yield from train_beside(engine, job, state, line, passing_on(line, place.number), place.epochs)
        take_best(engine, state)
        calibrate(prepared, engine)
        return finish(folding, place, prepared, engine, state, keep=keep)
