"""`numbann show`: summarizes a run, explains a component, or prints a chapter of the course; a path comes first."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from numbann_cli.completion import complete_shown
from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS

if TYPE_CHECKING:
    from numbann.components.registry import Entry
    from numbann.plugins.catalogue import Catalogue

HERE = Path("-")  # the terminal, in the place of a file


@click.command("show", help=COMMANDS["show"])
@click.argument("what", required=False, shell_complete=complete_shown)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    is_flag=False,
    flag_value="-",
    metavar="[FILE]",
    help="Also draw: a run's curves here, a component's into FILE.",
)
@click.option("--schema", is_flag=True, help="Print what a run's model takes and gives, as JSON.")
@click.pass_obj
def command(settings: Settings, what: str | None, plot: Path | None, schema: bool) -> None:
    """Sum up the run or model in WHAT if that is a path, else explain what is called WHAT; without WHAT list all."""
    if schema:
        _print_schema(what)
    elif what is None:
        if plot:
            raise click.UsageError("--plot draws a run or a component; name it before the option")
        click.echo(_overview())
    elif Path(what).exists():
        _sum_up(Path(what), plot)
    elif pieces := _pieces(what):
        click.echo("\n".join([f"preset {what}: fills in what a spec leaves open; what the spec says stays", *pieces]))
    else:
        _explain(settings, what, plot)


def _print_schema(what: str | None) -> None:
    """Print the schema of a model, which needs none of its components."""
    from numbann.model.file import file_of
    from numbann.training.rundir import json_text
    from numbann_cli.model_page import schema

    if what is None:
        raise click.UsageError("--schema is of a model: name a run directory or a .safetensors file")
    click.echo(json_text(schema(file_of(Path(what))), indent=2))


def _overview() -> str:
    """List the chapters of the course, and every built-in component."""
    from numbann.components.built_in import built_in
    from numbann.components.roles import KINDS
    from numbann_cli.course import contents
    from numbann_cli.prose import columns, labelled

    names = {kind: ", ".join(entry.component.name for entry in built_in().entries(kind)) for kind in KINDS}
    components = (labelled(kind, names[kind], columns(), max(map(len, KINDS)) + 2) for kind in KINDS)
    return "\n".join(
        ["Course: numbann show TOPIC", "", *contents(), "", "Components: numbann show NAME", "", *components]
    )


def _sum_up(run: Path, plot: Path | None) -> None:
    """Print the page of a run, and its curves below, or that of a model's file."""
    if run.is_file() and plot is None:
        from numbann.training.results import check_model
        from numbann_cli.run_page import page_of_model

        check_model(run)
        click.echo(page_of_model(run))
        return
    if plot and plot != HERE:
        raise click.UsageError(f"--plot draws a run here; into a file: numbann plot {run} -o {plot}")
    from numbann.training.sweeps.store import is_sweep
    from numbann_cli import run_page, sweep_page
    from numbann_cli.grid import console_width

    width, a_sweep = shutil.get_terminal_size().columns, is_sweep(run)
    if plot and a_sweep:
        raise click.UsageError(f"--plot draws a run here, and {run} is a sweep: numbann plot {run}")
    page = sweep_page.page if a_sweep else run_page.page
    click.echo(page(run, console_width()))
    if plot:
        from numbann_cli.run_curves import curves

        click.echo("\n" + curves(run, width))


def _explain(settings: Settings, what: str, plot: Path | None) -> None:
    """Print the page of every component of a name, then the chapter on it."""
    from numbann.plugins.finding import with_files
    from numbann_cli.component_page import page
    from numbann_cli.course import chapter_page, find
    from numbann_cli.prose import columns

    catalogue, chapter = with_files(settings.usable_files()), find(what)
    found = catalogue.find_named(what)
    if not found and chapter is None:
        raise click.UsageError(_unknown(catalogue, what))
    if plot == HERE:
        raise click.UsageError(f"--plot draws a component into a file; name it: --plot {what}.png")
    if plot:
        _draw(what, found, plot)
    pages = [page(entry, columns()) for entry in found]
    click.echo("\n\n".join([*pages, *([chapter_page(chapter, columns())] if chapter else [])]))


def _pieces(preset: str) -> list[str]:
    """Return the lines of what a preset fills in, piece by piece; none of what is no preset, or fills in nothing."""
    from numbann.spec.presets import PIECES
    from numbann_cli.prose import columns, json_lines

    found: list[str] = []
    for piece in PIECES.get(preset, ()):
        known = {
            "the first metric goes by" if key == "watched" else f"{key} is": one for key, one in piece.when.items()
        }
        found += ["", *(["if " + " and ".join(f"{key} {one}" for key, one in known.items())] if known else [])]
        found += json_lines(piece.says, columns())
    return found


def _draw(what: str, found: Sequence[Entry], plot: Path) -> None:
    """Write a picture of the components' curves."""
    from numbann_cli.pictures.canvas import check_matplotlib
    from numbann_cli.pictures.component import draw
    from numbann_cli.series import series_of

    if not found:
        raise click.UsageError(f'--plot draws a component, and "{what}" is a chapter')
    rows = [(f"{entry.component.kind} {entry.component.name}", series_of(entry.component)) for entry in found]
    drawn = [(title, series) for title, series in rows if series]
    if not drawn:
        kinds = " and ".join(sorted({entry.component.kind for entry in found}))
        raise click.UsageError(f'--plot draws activations, losses and schedules; "{what}" is of the kind {kinds}')
    check_matplotlib("--plot")
    draw(plot, drawn)


def _unknown(catalogue: Catalogue, what: str) -> str:
    from numbann.errors import did_you_mean
    from numbann_cli.course import topics

    withheld = catalogue.explain_absence(what)
    if withheld:
        return f'"{what}" {withheld}'
    known = [name for entry in catalogue.entries() for name in (entry.component.name, *entry.component.aliases)]
    hint = did_you_mean(what, [*known, *topics()])
    return f'"{what}" is neither a path nor a component nor a topic{hint} (numbann show lists them)'
