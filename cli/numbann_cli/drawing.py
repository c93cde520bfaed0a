"""Draws series into a picture file with matplotlib, which is imported only when needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from numbann_cli.series import Series


def figure() -> Any:
    """Return an empty figure; a usage error that names the extra if matplotlib is missing."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise click.UsageError('--plot needs matplotlib: pip install "numbann[plot]"') from None
    return Figure(layout="constrained")


def draw(path: Path, rows: Sequence[tuple[str, Sequence[Series]]]) -> None:
    """Write a picture with a row for each title and its series."""
    made, wide = figure(), max(len(series) for _, series in rows)
    made.set_size_inches(5 * wide, 3.2 * len(rows))
    grid = made.subplots(len(rows), wide, squeeze=False)
    for (title, series), axes in zip(rows, grid, strict=True):
        for one, ax in zip(series, axes, strict=False):
            ax.plot(one.x, one.y)
            ax.axhline(0, color="black", linewidth=0.6)
            ax.set(title=f"{title}: {one.title}", xlabel=one.axis)
        for ax in axes[len(series) :]:
            ax.set_visible(False)
    save(made, path)


def draw_range_test(path: Path, found: Any) -> None:
    """Write a picture of a learning-rate range test."""
    made = figure()
    ax = made.subplots()
    ax.plot(found.rates, found.losses, color="lightgray", label="loss of a step")
    ax.plot(found.rates, found.smoothed, label="averaged")
    ax.axvline(found.suggestion, color="black", linestyle="--", label=f"suggestion: {found.suggestion:g}")
    low, high = found.smoothed.min(), found.smoothed.max()
    ax.set(
        xscale="log", xlabel="learning rate", ylabel="loss", ylim=(low - 0.1 * (high - low), high + 0.1 * (high - low))
    )
    ax.legend()
    save(made, path)


def save(made: Any, path: Path) -> None:
    """Write a figure; a usage error if the file cannot be written or its ending is not a picture format."""
    try:
        made.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise click.UsageError(f"--plot {path}: {getattr(error, 'strerror', None) or error}") from None
