"""`numbann report`: writes a page on a run with its pictures, one HTML file."""

from __future__ import annotations

from pathlib import Path

import click

from numbann_cli import options
from numbann_cli.completion import complete_run
from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS

REPORT = "report.html"
ENDINGS = (".html", ".htm")


@click.command("report", help=COMMANDS["report"])
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.option("-o", "--output", type=options.written, metavar="FILE", help=f"The file (default: {REPORT} in RUN).")
@options.rows_of_run
@options.part_of_run
@options.threads
@options.trust
@click.pass_obj
def command(
    settings: Settings,
    run: Path,
    output: Path | None,
    data: str | None,
    part: str | None,
    threads: int | None,
    trust: bool,
) -> None:
    """Write a page on RUN, a run directory; it holds all that it shows, and can be sent as it is."""
    from numbann.training.rundir import open_existing, write_atomically
    from numbann_cli.pictures.canvas import check_matplotlib
    from numbann_cli.pictures.catalogue import PICTURES, draw_each, reasons
    from numbann_cli.pictures.look import Asked, look_at
    from numbann_cli.prediction import source_of
    from numbann_cli.report_page import report

    directory = open_existing(run).path
    path = output or directory / REPORT
    if path.suffix.lower() not in ENDINGS:
        raise click.UsageError(f"-o {path}: a page is HTML; name a file that ends in {' or '.join(ENDINGS)}")
    if path.is_dir() or not path.parent.is_dir():
        raise click.UsageError(f"-o {path}: name a file, in a folder that exists")
    options.refuse_both(data, part)
    check_matplotlib("numbann report")
    rows = None if data is None else source_of(data)
    look = look_at(run, Asked(rows, part, threads, trust, settings.usable_files()))
    drawn = list(draw_each([look], list(PICTURES)))
    for line in reasons(drawn):
        click.echo(f"numbann: not drawn: {line}", err=True)
    try:
        write_atomically(path, report(look, drawn).encode())
    except OSError as error:
        raise click.UsageError(f"-o {path}: cannot be written: {error.strerror}") from None
    click.echo(path)
