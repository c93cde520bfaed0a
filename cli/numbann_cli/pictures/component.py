"""Pictures of components, and of a learning-rate range test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numbann_cli.pictures.canvas import BLACK, BLUE, NUMBER, figure, panels, save, styled
from numbann_cli.series import Series


def draw(path: Path, rows: Sequence[tuple[str, Sequence[Series]]]) -> None:
    """Write a picture with a row for each title and its series."""
    wide = max(len(series) for _, series in rows)
    with styled():
        made = figure(3.2 * len(rows), 5 * wide)
        grid = made.subplots(len(rows), wide, squeeze=False)
        for (title, series), axes in zip(rows, grid, strict=True):
            for one, ax in zip(series, axes, strict=False):
                ax.plot(one.x, one.y, color=BLUE)
                ax.axhline(0, color=BLACK, linewidth=0.6)
                ax.set(title=f"{title}: {one.title}", xlabel=one.axis)
            for ax in axes[len(series) :]:
                ax.set_visible(False)
    save(made, path, "--plot")


def draw_range_test(path: Path, found: Any) -> None:
    """Write a picture of a learning-rate range test."""
    with styled():
        made, (axes,) = panels(1, 1, 3.6)
        axes.plot(found.rates, found.losses, color="lightgray", label="loss of a step")
        axes.plot(found.rates, found.smoothed, color=BLUE, label="averaged")
        axes.axvline(found.suggestion, color=BLACK, linestyle="--", label=f"suggestion: {found.suggestion:g}")
        low, high = found.smoothed.min(), found.smoothed.max()
        room = 0.1 * (high - low)
        axes.set(xscale="log", xlabel="learning rate", ylabel="loss", ylim=(low - room, high + room))
        axes.xaxis.set_major_formatter(NUMBER)
        axes.legend()
    save(made, path, "--plot")
