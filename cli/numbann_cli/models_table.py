"""A table of models that were trained side by side: a row for each, with its fold, its course and its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numbann.records import dataclass
from numbann_cli.rows import GAP, number

NARROW = ("model", "fold", "repeat", "epochs")
NARROWEST = 9


@dataclass(frozen=True)
class ModelRows:
    """Rows that are aligned before all of them are known.  measures: the names of the figures."""

    measures: Sequence[str]

    @property
    def titles(self) -> tuple[str, ...]:
        """The titles of the columns."""
        return ("model", "fold", "repeat", "best_epoch", "epochs", "seconds", *self.measures)

    def header(self) -> str:
        """Return the header."""
        return self._align(self.titles)

    def row(self, model: Mapping[str, Any]) -> str:
        """Return the row of a model: its keys of metrics.json, with the figures among them."""
        whole = model["fold"] is None  # its figures are not of rows that it has not seen
        cells = ["all" if model[name] is None else number(model[name]) for name in self.titles[:3]]
        best = model["best_epoch"]
        chosen = model.get("weights_epoch", best) == best  # else the figures are of the last epoch
        course = [str(best) if chosen else "-", str(model["epochs"]), f"{model['seconds']:.2f}"]
        return self._align(
            [*cells, *course, *("-" if whole or name not in model else number(model[name]) for name in self.measures)]
        )

    def _align(self, cells: Sequence[str]) -> str:
        rooms = (len(title) if title in NARROW else max(len(title), NARROWEST) for title in self.titles)
        return GAP.join(f"{cell:>{room}}" for cell, room in zip(cells, rooms, strict=False))


def rows_of(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the models of metrics.json, each with the figures of its fold among its keys."""
    return [{**one, **one["validation"]} for one in metrics["models"]]


def mean_line(metrics: Mapping[str, Any]) -> str:
    """Return how many models there are, the mean of their best epochs, and what their figures are of."""
    again = metrics.get("refitted")
    anew = f"; {len(again)} trained anew on all rows, to epoch {again[0]['epochs']}, are the model" if again else ""
    mean = f"models     {len(metrics['models'])}, best epoch {metrics['best_epoch']} on average{anew}"
    return f"{mean}\n{'':<11}loss is the mean of theirs, all else is of their common prediction"
