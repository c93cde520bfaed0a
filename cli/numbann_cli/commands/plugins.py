"""`numbann plugins`: the components there are and where they come from.  It compiles and checks none of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from numbann.errors import did_you_mean
from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS
from numbann_cli.scaffold import KINDS, component_name, create


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


@command.command("check")
@click.argument("what")
@click.option("--json", "as_json", is_flag=True, help="A JSON list on stdout, an object a component.")
@click.pass_obj
def check(settings: Settings, what: str, as_json: bool) -> None:
    """Check the components of WHAT: a name, a plugin file, or a folder of plugin files or of a distribution.

    Signature, purity, gradient, precision, extremes, vectors and speed; exit code 1 if a check fails.
    """
    from numbann_cli.plugin_report import found_by, lines_of

    reports = found_by(what, lambda: _components(settings, what))
    if as_json:
        click.echo(json.dumps([report.json() for report in reports]))
    else:
        click.echo("\n\n".join("\n".join(lines_of(report)) for report in reports))
    if any(report.failed for report in reports):
        raise click.exceptions.Exit(1)


def _components(settings: Settings, what: str) -> list[Any]:
    """The components that are meant: those of a path, else all that are called so, else those of a plugin."""
    from numbann.discovery import with_files
    from numbann.testing import components_of

    if Path(what).exists():
        return components_of(what)
    entries = list(with_files(settings.plugin_files()).entries())
    found = [entry for entry in entries if what in (entry.component.name, *entry.component.aliases)]
    found = found or [entry for entry in entries if what in (entry.origin.owner, entry.origin.module)]
    if not found:
        known = [name for entry in entries for name in (entry.component.name, *entry.component.aliases)]
        raise click.UsageError(f'"{what}" is neither a path nor a component{did_you_mean(what, known)}')
    return [entry.component for entry in found]


@command.command("new")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What it is.")
@click.option("-o", "folder", type=click.Path(file_okay=False, path_type=Path), default=".", metavar="DIR", help="Where.")
@click.pass_obj
def new(settings: Settings, name: str, kind: str, folder: Path) -> None:
    """Write a new plugin, numbann-NAME: a distribution with one component, its tests, and a spec that trains with it."""
    from numbann.discovery import with_files

    component = component_name(name)
    other = with_files(settings.plugin_files()).find(kind, component)
    if other:
        raise click.UsageError(f'the {kind} "{component}" exists already, in {other.origin}; give another name')
    root = create(component, kind, folder)
    if component != name:
        click.echo(f"{name} becomes {component}, since a component's name is a Python name")
    click.echo(f"wrote {root}; the formula is in {root / f'numbann_{component}.py'}\n\nnext:")
    for line in (f"pip install -e {root}", f"pytest {root}", f"numbann train {root / 'example' / component}.json"):
        click.echo(f"  {line}")
