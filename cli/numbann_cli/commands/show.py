"""`numbann show`: explain a component, or sum up a run.  What a path means comes first, then names of components."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS


@click.command("show", help=COMMANDS["show"])
@click.argument("what")
@click.pass_obj
def command(settings: Settings, what: str) -> None:
    """Sum up the run in WHAT if that is a path, else explain every component called WHAT."""
    if Path(what).exists():
        from numbann_cli.run_page import page as run_page

        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo(run_page(Path(what), width))
        return
    from numbann.discovery import with_files
    from numbann.registry import Registry
    from numbann_cli.component_page import page

    registry: Registry = with_files(settings.plugin_files())
    found = [entry for entry in registry.entries() if what in (entry.component.name, *entry.component.aliases)]
    if not found:
        raise click.UsageError(_unknown(registry, what))
    click.echo("\n\n".join(map(page, found)))


def _unknown(registry: object, what: str) -> str:
    from numbann.errors import did_you_mean

    known = [name for entry in registry.entries() for name in (entry.component.name, *entry.component.aliases)]  # type: ignore[attr-defined]
    hint = did_you_mean(what, known)
    return f'"{what}" is neither a path nor a component{hint} (numbann plugins list shows all {len(known)})'
