"""The learning curves of a run in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numbann.training.rundir import open_existing
from numbann_cli.braille import Line, draw, mark
from numbann_cli.failures import printable
from numbann_cli.run_page import history_of, metrics_of

WIDEST = 100
SOLID, DOTTED = "validation_loss", "train_loss"


def curves(path: Path, width: int) -> str:
    """Return the loss and the first metric by epoch.  width: the terminal's."""
    run, width = open_existing(path), min(width, WIDEST)
    histories = [found for one in run.models() or [run] if (found := history_of(one))]
    if not histories:
        return "no epoch is complete"
    first = histories[0][0]
    metric = next((key for key in first if key.startswith("validation_") and key != SOLID), None)
    validated, several = SOLID in first, len(histories) > 1
    solid = [Line(_values(one, SOLID if validated else DOTTED)) for one in histories]
    dotted = [Line(_values(one, DOTTED), dotted=True) for one in histories] if validated and not several else []
    rows = "of validation rows" if validated else "of training rows"
    title = f"loss {rows}{', dotted: of training rows' * bool(dotted)}{f', of {len(histories)} models' * several}"
    lines = draw(title, [*dotted, *solid], "epoch", width)
    if metric is not None:
        drawn = [Line(_values(one, metric)) for one in histories]
        lines += ["", *draw(f"{metric.removeprefix('validation_')} {rows}", drawn, "epoch", width)]
    metrics = metrics_of(run)
    if metrics is not None and not several:
        best = metrics["best_epoch"]
        lines.append(mark(best, len(histories[0]), f"best: epoch {best}", width))
    return printable("\n".join(lines))


def _values(history: Sequence[Mapping[str, Any]], key: str) -> list[float | None]:
    return [record.get(key) for record in history]
