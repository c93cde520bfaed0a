"""The turn of one of several models: it works while it is its turn, and its events are passed on with its number."""

from __future__ import annotations

from typing import Any

from numbann.runner import Line
from numbann.training.callbacks import EpochEnded, FromModel
from numbann.training.folding import Place


class Turn:
    """Within `with`, a model works; after an epoch it may have to wait for those that are less far."""

    def __init__(self, line: Line, place: Place, epochs: int) -> None:
        self._line, self._place, self._epochs = line, place, epochs
        self._begun = 0.0

    def __enter__(self) -> Turn:
        self._begun = self._line.turns.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._line.turns.end()

    def tell(self, event: Any) -> None:
        """Pass an event on; whoever hears it may end all models."""
        self._line.tell(FromModel(self._place.number, event))
        if isinstance(event, EpochEnded):
            self._begun = self._line.turns.next(event.record["epoch"] / self._epochs, self._begun)
