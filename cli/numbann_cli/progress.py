"""A progress bar below the output on a terminal, drawn by rich."""

from __future__ import annotations

from typing import TextIO


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
        self.epochs = 0

    def wait(self, text: str) -> None:
        """Show a note while something of unknown length runs."""
        self.progress.update(self.task, description=text)
        self.progress.start()

    def start(self, done: int, epochs: int) -> None:
        """Start the bar, with some epochs done already."""
        self.epochs = epochs
        self.progress.update(self.task, total=epochs)
        self.advance(done)
        self.progress.refresh()

    def advance(self, epochs: float) -> None:
        """Fill the bar up to a number of epochs, which may have a fraction."""
        shown = min(int(epochs) + 1, self.epochs)
        self.progress.update(self.task, completed=epochs, description=f"epoch {shown}/{self.epochs}")

    def above(self, line: str) -> None:
        """Print a line above the bar."""
        self.console.print(self.text(line, style="green" if line.endswith("*") else ""))

    def close(self) -> None:
        """Remove the bar."""
        self.progress.stop()
