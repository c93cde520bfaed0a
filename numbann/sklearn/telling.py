"""Tells the events of a fit to the estimator's callbacks, as those of a run are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numbann.engine.interface import Engine
from numbann.fit.loop import StepsDone
from numbann.training.callbacks import EpochEnded, Event, Started, Stop
from numbann.training.telling import calling

Tell = Callable[[Event], Stop | None]


@contextmanager
def told(estimator: Any) -> Iterator[Tell]:
    """Give what tells an event, and returns a Stop if a callback has asked for it.

    CallbackError in the end if one has failed.
    """
    if not estimator.callbacks:
        yield lambda event: None
        return
    with calling(estimator.callbacks) as telling:
        yield telling
        telling.checked(estimator)


def start(estimator: Any, engine: Engine, seconds: float, train: int, validation: int) -> Started:
    """Return the event that training begins, on so many rows, with others held out."""
    return Started(
        path=None,
        epochs_done=estimator._optimizer.epochs,
        epochs=estimator.max_iter,
        device=engine.device,
        threads=engine.threads,
        compiled=engine.compiled,
        compile_seconds=seconds,
        parameters=engine.plan.parameters,
        rows={"train": train, **({"validation": validation} if validation else {})},
    )


def progress(estimator: Any, tell: Tell) -> Callable[[int, int], None] | None:
    """Return what an engine calls a few times a second while steps run; None if nobody listens."""
    if not estimator.callbacks:
        return None

    def told_steps(done: int, steps: int) -> None:
        tell(StepsDone(estimator._optimizer.epochs + 1, done, steps))

    return told_steps


def end(estimator: Any, seconds: float) -> EpochEnded:
    """Return the event that an epoch has ended."""
    record = {"epoch": estimator._optimizer.epochs, "train_loss": estimator.loss_}
    best = estimator.loss_ == estimator.best_loss_
    if estimator.early_stopping:
        name = "accuracy" if hasattr(estimator, "classes_") else "r2"
        score = estimator.validation_scores_[-1]
        record |= {"validation_loss": estimator.validation_loss_curve_[-1], f"validation_{name}": score}
        best = score == estimator.best_validation_score_
    rate = float(estimator._optimizer.learning_rate)
    return EpochEnded({**record, "learning_rate": rate, "seconds": round(seconds, 6)}, best)
