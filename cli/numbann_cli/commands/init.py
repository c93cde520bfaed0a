"""`numbann init`: writes a spec for a data file, with what is found in it."""

from __future__ import annotations

from pathlib import Path

import click

from numbann_cli import options
from numbann_cli.overview import COMMANDS


@click.command("init", help=COMMANDS["init"])
@click.argument("data")
@click.option("--target", "targets", multiple=True, metavar="COLUMN", help="The column to predict; repeatable.")
@options.preset
@click.option(
    "-o",
    "--output",
    type=options.written,
    default="spec.json",
    metavar="FILE",
    show_default=True,
    help="The spec to write; an existing file is never replaced.",
)
@options.data_settings
@options.no_cache
def command(data: str, targets: tuple[str, ...], preset: str | None, output: Path, given: tuple[str, ...]) -> None:
    """Write a spec that trains on DATA, a file."""
    from numbann.errors import did_you_mean
    from numbann.spec.model import PRESETS
    from numbann.training.rundir import json_text
    from numbann.training.starter import starter

    if output.exists():
        raise click.UsageError(f"-o {output}: exists already; name another file")
    if preset not in (None, *PRESETS):
        meant = did_you_mean(str(preset), PRESETS) or f"; there are {', '.join(PRESETS)}"
        raise click.UsageError(f"--preset {preset}: is none{meant}")
    overrides = options.parse_data_settings(given) | ({"preset": preset} if preset else {})
    spec = starter(data, targets, output.absolute().parent, overrides)
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(json_text(spec, indent=2) + "\n")
    except OSError as error:
        raise click.UsageError(f"-o {output}: cannot be written: {error.strerror}") from None
    click.echo(f"written    {output}\nnext       numbann train {output}")
