"""`numbann runs`: lists the runs in a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from numbann_cli import options
from numbann_cli.grid import WIDTH
from numbann_cli.overview import COMMANDS

KEYS = ("when", "name", "task", "model", "epochs", "validation", "test", "seconds", "state")


@click.command("runs", help=COMMANDS["runs"])
@click.argument("folder", default="runs", type=click.Path(path_type=Path))
@click.option("--sort", type=click.Choice(KEYS), default="when", show_default=True, help="The newest or best first.")
@options.json_output
def command(folder: Path, sort: str, as_json: bool) -> None:
    """List the runs in FOLDER (default: runs)."""
    from numbann.training.rundir import MANIFEST, json_text
    from numbann_cli.runs_table import ordered, rows_of, table

    if (folder / MANIFEST).exists():
        raise click.UsageError(f"{folder} is a run itself; numbann show {folder} sums it up")
    rows = ordered(rows_of(folder), sort)
    if as_json:
        click.echo(json_text([row.to_json() for row in rows]))
    elif rows:
        click.echo(table(rows, shutil.get_terminal_size((WIDTH, 24)).columns))
    else:
        click.echo(f"{folder} has no runs")
