"""`numbann show`: summarizes a run, or explains a component.  An existing path takes precedence over a name."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS

if TYPE_CHECKING:
    from numbann.components.registry import Entry
    from numbann.plugins.catalogue import Catalogue


@click.command("show", help=COMMANDS["show"])
@click.argument("what")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Also draw a component.")
@click.pass_obj
def command(settings: Settings, what: str, plot: Path | None) -> None:
    """Sum up the run in WHAT if that is a path, else explain every component called WHAT."""
    if Path(what).exists():
        if plot:
            raise click.UsageError(f"--plot draws a component, and {what} is a path")
        from numbann_cli.run_page import page as run_page

        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo(run_page(Path(what), width))
        return
    from numbann.plugins.finding import with_files
    from numbann_cli.component_page import page
    from numbann_cli.prose import columns

    catalogue = with_files(settings.usable_files())
    found = catalogue.find_named(what)
    if not found:
        raise click.UsageError(_unknown(catalogue, what))
    if plot:
        _draw(what, found, plot)
    click.echo("\n\n".join(page(entry, columns()) for entry in found))


def _draw(what: str, found: Sequence[Entry], plot: Path) -> None:
    """Write a picture of the components' curves."""
    from numbann_cli.drawing import draw
    from numbann_cli.series import series_of

    rows = [(f"{entry.component.kind} {entry.component.name}", series_of(entry.component)) for entry in found]
    drawn = [(title, series) for title, series in rows if series]
    if not drawn:
        kinds = " and ".join(sorted({entry.component.kind for entry in found}))
        raise click.UsageError(f'--plot draws activations, losses and schedules; "{what}" is of the kind {kinds}')
    draw(plot, drawn)


def _unknown(catalogue: Catalogue, what: str) -> str:
    from numbann.errors import did_you_mean

    withheld = catalogue.explain_absence(what)
    if withheld:
        return f'"{what}" {withheld}'
    known = [name for entry in catalogue.entries() for name in (entry.component.name, *entry.component.aliases)]
    hint = did_you_mean(what, known)
    return f'"{what}" is neither a path nor a component{hint} (numbann plugins list shows all {len(known)})'
