"""Tells the events of a run to callbacks, and holds what they ask for and where they fail.

A callback that raises before training begins ends the run.  One that raises later is not called again, and the run
goes on without it: `checked` raises CallbackError once all is written.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from numbann.errors import SpecError, SpecFault, TrainingError
from numbann.training.beside import told
from numbann.training.callbacks import (
    Callback,
    CallbackFailed,
    EpochEnded,
    Event,
    Failed,
    Finished,
    Started,
    Stop,
    SweepStarted,
)

Result = TypeVar("Result")


class NotBegunError(TrainingError):
    """A callback has failed before training began, so that nothing is kept."""


class CallbackError(TrainingError):
    """A callback has failed, and the training went on to its end without it.  result: of the training."""

    def __init__(self, message: str, result: Any) -> None:
        super().__init__(message)
        self.result = result


class Telling:
    """A callback that calls all callbacks in order.  It returns the first Stop that any of them has ever returned."""

    def __init__(self, callbacks: Iterable[Callback]) -> None:
        self._callbacks = checked_callbacks(callbacks)
        self._opened, self._begun, self._ended = False, False, False  # Started is being told, is told; Finished is
        self._epoch = 0
        self._path: Path | None = None
        self._stop: Stop | None = None
        self._failed: list[tuple[str, Exception]] = []

    def add(self, *callbacks: Callback) -> None:
        """Call these, too."""
        self._callbacks += callbacks

    def __call__(self, event: Event) -> Stop | None:
        """Tell an event."""
        match event:
            case Started():
                self._opened, self._path, self._epoch = True, event.path, event.epochs_done
            case SweepStarted():
                self._opened, self._path = True, event.path
            case EpochEnded():
                self._epoch = event.record["epoch"]
            case Finished():
                self._ended = True
        for callback in [*self._callbacks]:
            self._call(callback, event)
        self._begun = self._opened
        return self._stop

    def _call(self, callback: Callback, event: Event) -> None:
        try:
            answer = callback(event)
            _check_answer(answer)
        except Exception as error:
            what = f"callback {_name(callback)} failed{self._when}: {told(error)}"
            if not self._begun:
                raise NotBegunError(f"{what}; nothing is trained") from error
            self._callbacks.remove(callback)
            self._failed.append((what, error))
            self(CallbackFailed(_name(callback), self._epoch, f"{what}; the run goes on without it"))
            return
        if self._stop is None:
            self._stop = answer

    @property
    def _when(self) -> str:
        return f" after epoch {self._epoch}" if self._epoch else ""

    def end(self, error: BaseException) -> None:
        """Tell that the run has failed, if it had begun and was not complete; what callbacks raise then is lost."""
        if self._ended or not self._opened:
            return
        failed = Failed(self._path, told(error), isinstance(error, KeyboardInterrupt))
        for callback in self._callbacks:
            with contextlib.suppress(Exception):
                callback(failed)

    def checked(self, result: Result) -> Result:
        """Return the result of a training; CallbackError if a callback has failed."""
        if self._failed:
            message = "\n".join(what for what, _ in self._failed)
            raise CallbackError(f"{message}; the training is complete", result) from self._failed[0][1]
        return result


@contextmanager
def calling(callbacks: Iterable[Callback]) -> Iterator[Telling]:
    """Tell events to callbacks, in the end that the run has failed, if it has."""
    telling = Telling(callbacks)
    try:
        yield telling
    except BaseException as error:
        telling.end(error)
        raise


def checked_callbacks(given: Any) -> list[Callback]:
    """Return callbacks as a list; SpecError for what is none."""
    if callable(given) or isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise SpecError([SpecFault("", f"callbacks is {_told(given)}; give a list of functions of one event")])
    callbacks = [*given]
    for place, one in enumerate(callbacks):
        if isinstance(one, str | Mapping):
            what = "what a spec names; make it by numbann.callbacks, as tensorboard() there, or name it in the spec"
        elif isinstance(one, type):
            what = "a class; give a function of one event, or an object that is one"
        elif not callable(one):
            what = "no function; give a function of one event"
        else:
            continue
        raise SpecError([SpecFault(f"callbacks[{place}]", f"{_told(one)} is {what}")])
    return callbacks


def _told(given: Any) -> str:
    if isinstance(given, type) or callable(given):
        return str(getattr(given, "__qualname__", "") or type(given).__name__)
    text = repr(given)
    return text if len(text) <= 60 else f"{text[:56]} ..."


def _check_answer(answer: Any) -> None:
    """Refuse what is neither None nor a Stop: it would be meant, and ignored."""
    if answer is not None and not isinstance(answer, Stop):
        raise TypeError(f"it returns {_told(answer)}; return None, or Stop(reason) to stop")


def _name(callback: Callback) -> str:
    return str(getattr(callback, "name", "") or getattr(callback, "__qualname__", "") or type(callback).__name__)
