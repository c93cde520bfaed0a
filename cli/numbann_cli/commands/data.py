"""`numbann data`: sums up a data file, column by column, with what looks like a mistake."""

from __future__ import annotations

from dataclasses import asdict, astuple

import click

from numbann_cli import options
from numbann_cli.grid import console_width, cut, fitted, lines, widths
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
    rows = [HEAD, *(tuple(cut(str(cell), WIDEST) for cell in astuple(column)) for column in seen.columns)]
    for line in lines(rows, fitted(widths(rows), console_width()), left=len(HEAD)):
        click.echo(line)
    if seen.notes or seen.findings:
        click.echo()
    for note in seen.notes:
        click.echo(f"data   {note}")
    for finding in seen.findings:
        click.echo(f"found  {finding.text}")
    if not targets:
        click.echo("\nnext   numbann data FILE --target COLUMN says what is to be predicted, too")
