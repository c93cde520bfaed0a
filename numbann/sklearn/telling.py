"""Tells the events of a fit to the estimator's callbacks, as those of a run are told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from numbann.engine.interface import Engine
from numbann.fit.loop import StepsDone
from numbann.training.callbacks import EpochEnded, Started, Stop
from numbann.training.telling import Telling, calling


@dataclass(frozen=True)
class Listeners:
    """The callbacks of an estimator that is being fitted."""

    estimator: Any
    tell: Telling

    def begin(self, engine: Engine, seconds: float, train: int, validation: int) -> None:
        """Tell that training begins, on so many rows, with others held out."""
        began = Started(
            path=None,
            epochs_done=self.estimator._optimizer.epochs,
            epochs=self.estimator.max_iter,
            device=engine.device,
            threads=engine.threads,
            compiled=engine.compiled,
            compile_seconds=seconds,
            gpu=engine.gpu,
            parameters=engine.plan.parameters,
            rows={"train": train, **({"validation": validation} if validation else {})},
        )
        self.tell(began)

    def progress(self, done: int, steps: int) -> None:
        """Tell how many steps of an epoch are done; an engine calls this a few times a second."""
        self.tell(StepsDone(self.estimator._optimizer.epochs + 1, done, steps))

    def end_epoch(self, seconds: float) -> Stop | None:
        """Tell that an epoch has ended; return a Stop if a callback has asked for it."""
        estimator = self.estimator
        record = {"epoch": estimator._optimizer.epochs, "train_loss": estimator.loss_}
        best = estimator.loss_ == estimator.best_loss_
        if estimator.early_stopping:
            name = "accuracy" if hasattr(estimator, "classes_") else "r2"
            score = estimator.validation_scores_[-1]
            record |= {"validation_loss": estimator.validation_loss_curve_[-1], f"validation_{name}": score}
            best = score == estimator.best_validation_score_
        rate = float(estimator._optimizer.learning_rate)
        return self.tell(EpochEnded({**record, "learning_rate": rate, "seconds": round(seconds, 6)}, best))


@contextmanager
def listening(estimator: Any) -> Iterator[Listeners]:
    """Call an estimator's callbacks while it is fitted; CallbackError in the end if one has failed."""
    with calling(estimator.callbacks) as telling:
        yield Listeners(estimator, telling)
        telling.checked(estimator)
