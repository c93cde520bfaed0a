"""`numbann data`: sums up a data file, column by column, with what looks like a mistake."""

from __future__ import annotations

from dataclasses import asdict, astuple

import click

from numbann_cli import options
from numbann_cli.overview import COMMANDS

HEAD = ("column", "kind", "missing", "distinct", "holds", "becomes")
WIDEST = 48  # characters of a cell


@click.command("data", help=COMMANDS["data"])
@click.argument("data")
@click.option("--target", "targets", multiple=True, metavar="COLUMN", help="The column to predict; repeatable.")
@options.data_settings
@options.no_cache
@options.json_output
def command(data: str, targets: tuple[str, ...], given: tuple[str, ...], as_json: bool) -> None:
    """Sum up DATA, a file: its columns, what they become, and what looks like a mistake."""
    from numbann.training.rundir import json_text
    from numbann.training.starter import look

    seen = look(data, targets, options.parse_data_settings(given))
    if as_json:
        columns = [asdict(column) for column in seen.columns]
        findings = [finding._asdict() for finding in seen.findings]
        click.echo(json_text({"rows": seen.rows, "columns": columns, "notes": seen.notes, "findings": findings}))
        return
    click.echo(f"{seen.rows} rows, {len(seen.columns)} columns\n")
    rows = [HEAD, *(tuple(_short(str(cell)) for cell in astuple(column)) for column in seen.columns)]
    wide = [max(len(row[place]) for row in rows) for place in range(len(HEAD))]
    for row in rows:
        click.echo("  ".join(f"{cell:<{room}}" for cell, room in zip(row, wide, strict=True)).rstrip())
    if seen.notes or seen.findings:
        click.echo()
    for note in seen.notes:
        click.echo(f"data   {note}")
    for finding in seen.findings:
        click.echo(f"found  {finding.text}")
    if not targets:
        click.echo("\nnext   numbann data FILE --target COLUMN says what is to be predicted, too")


def _short(cell: str) -> str:
    return cell if len(cell) <= WIDEST else cell[: WIDEST - 3] + "..."
