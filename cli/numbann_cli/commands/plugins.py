"""`numbann plugins`: the components there are and where they come from.  It compiles and checks none of them."""

from __future__ import annotations

import json
from typing import Any

import click

from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS


@click.group("plugins", help=COMMANDS["plugins"], no_args_is_help=False, invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """The components there are and where they come from."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON list on stdout.")
@click.pass_obj
def list_(settings: Settings, as_json: bool) -> None:
    """List every component: kind, name, origin and what it is."""
    from numbann.discovery import with_files

    rows: list[dict[str, Any]] = [
        {
            "kind": entry.component.kind,
            "name": entry.component.name,
            "aliases": list(entry.component.aliases),
            "origin": str(entry.origin),
            "summary": entry.component.summary,
        }
        for entry in with_files(settings.plugin_files()).entries()
    ]
    click.echo(json.dumps(rows) if as_json else _table(rows))


def _table(rows: list[dict[str, Any]]) -> str:
    """Aligned columns; the summary comes last and is as long as it is."""
    wide = {column: max(len(row[column]) for row in rows) for column in ("kind", "name", "origin")}
    lines = ([*(f"{row[column]:<{room}}" for column, room in wide.items()), row["summary"]] for row in rows)
    return "\n".join(map("  ".join, lines))
