"""A picture of folds: what the model of each is worth on the rows that it has not seen, the mean, and the spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numbann_cli.pictures.canvas import COLOURS, GREY, bounds, named, panels
from numbann_cli.pictures.look import Look

MOST_FIGURES = 4


def folds(looks: Sequence[Look]) -> Any:
    """Draw the figures of each fold, with their mean and deviation; several results beside each other."""
    drawn = [look for look in looks if look.folds]
    if not drawn or len(drawn) < len(looks):
        return None
    figures = [
        name for name in drawn[0].folds[0]["validation"] if all(name in look.folds[0]["validation"] for look in drawn)
    ]
    made, every = panels(len(figures[:MOST_FIGURES]), 2, 1.9 + 0.5 * len(drawn))
    for axes, name in zip(every, figures, strict=False):
        _figure(axes, drawn, name)
        axes.set(xlabel=named(name))
    every[0].set_title("A point a fold; bar: mean and deviation")
    return made


def _figure(axes: Any, looks: Sequence[Look], name: str) -> None:
    import numpy as np

    every: list[float] = []
    for place, look in enumerate(looks):
        values = np.array([one["validation"][name] for one in look.folds], np.float64)
        values = values[np.isfinite(values)]
        if not len(values):
            continue
        spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
        rows = place + np.linspace(-0.22, 0.22, len(values)) if len(values) > 1 else [place]
        axes.errorbar(values.mean(), place, xerr=spread, color=GREY, capsize=5, marker="|", markersize=22, linewidth=2)
        axes.scatter(values, rows, s=26, color=COLOURS[place % len(COLOURS)], zorder=3)
        every += [*values.tolist(), values.mean() - spread, values.mean() + spread]
    axes.set_yticks(range(len(looks)), [named(look.name, 16) for look in looks])
    axes.set_ylim(len(looks) - 0.5, -0.5)
    if every:
        axes.set_xlim(*bounds(every))
    axes.grid(visible=False, axis="y")
