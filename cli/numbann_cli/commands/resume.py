"""`numbann resume`: continues a run where it stopped."""

from __future__ import annotations

from pathlib import Path

import click

from numbann_cli import options
from numbann_cli.completion import complete_run
from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS


@click.command("resume", help=COMMANDS["resume"])
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="Train on to N epochs, also a complete run.")
@options.device
@options.threads
@options.trust
@options.no_cache
@options.json_output
@click.pass_obj
def command(
    settings: Settings,
    run: Path,
    epochs: int | None,
    device: str | None,
    threads: int | None,
    trust: bool,
    as_json: bool,
) -> None:
    """Go on with RUN, a run directory."""
    from numbann.training.runs import resume
    from numbann_cli.console import narrate

    with narrate(settings, as_json) as narrator:
        plugins = settings.usable_files()
        done = resume(
            run, epochs=epochs, device=device, threads=threads, trust=trust, plugins=plugins, callbacks=(narrator,)
        )
        narrator.result(done)
