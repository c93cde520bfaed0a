"""Progress bars on a terminal, drawn by rich: below the output of a run, and for a file that takes long to read."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any, TextIO

import click

AFTER = 1.0  # seconds of reading


class Bar:
    """A bar that first shows a note, and then fills with the epochs; lines are printed above it."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.text import Text

        self.text = Text
        self.console = Console(file=stream, highlight=False, markup=False, soft_wrap=True)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self.task = self.progress.add_task("", total=None)
        self.epochs, self.noun = 0, ""

    def wait(self, text: str) -> None:
        """Show a note while something of unknown length runs."""
        self.progress.update(self.task, description=text)
        self.progress.start()

    def start(self, done: int, epochs: int, noun: str = "epoch") -> None:
        """Start the bar, with some epochs done already; of 0 epochs there is no end.

        noun: what it counts, if these are no epochs.
        """
        self.epochs, self.noun = epochs, noun
        self.progress.update(self.task, total=epochs or None)
        self.advance(done)
        self.progress.refresh()

    def advance(self, epochs: float) -> None:
        """Fill the bar up to a number of epochs, which may have a fraction."""
        shown = f"{min(int(epochs) + 1, self.epochs)}/{self.epochs}" if self.epochs else f"{int(epochs) + 1}"
        self.progress.update(self.task, completed=epochs, description=f"{self.noun} {shown}")

    def above(self, line: str) -> None:
        """Print a line above the bar."""
        self.console.print(self.text(line, style="green" if line.endswith("*") else ""))

    def close(self) -> None:
        """Remove the bar."""
        self.progress.stop()


class ReadingBar:
    """A bar on stderr that fills with the bytes read of a file, once that has taken a second."""

    def __init__(self, name: str, total: int) -> None:
        self.name, self.total, self.begun = name, total, perf_counter()
        self.progress: Any = None

    def __call__(self, done: int) -> None:
        """Fill the bar up to a number of bytes; remove it at the last."""
        if done >= self.total:
            self._close()
        elif self.progress is not None:
            self.progress.update(self.task, completed=done)
        elif perf_counter() - self.begun >= AFTER:
            self._show(done)

    def _show(self, done: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

        columns = TextColumn("reading {task.description}", markup=False), BarColumn(), DownloadColumn()
        self.progress = Progress(*columns, console=Console(file=sys.stderr), transient=True)
        self.task = self.progress.add_task(self.name, total=self.total, completed=done)
        self.progress.start()

    def _close(self) -> None:
        if self.progress is not None:
            self.progress.stop()
            self.progress = None


def show_reading(name: str, total: int) -> ReadingBar | None:
    """Return the bar of a file; None without a terminal, with -q and with --json."""
    context = click.get_current_context(silent=True)
    silent = context is None or getattr(context.obj, "quiet", False) or context.params.get("as_json")
    return None if silent or not sys.stderr.isatty() else ReadingBar(name, total)
