"""`numbann schema`: prints the JSON Schema of a spec, with the components of plugins."""

from __future__ import annotations

import json

import click

from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS


@click.command("schema", help=COMMANDS["schema"])
@click.pass_obj
def command(settings: Settings) -> None:
    """Print the JSON Schema (draft 2020-12) of a spec on stdout, for `"$schema": FILE` in it."""
    from numbann.plugins.finding import load_everything
    from numbann.spec.schema import schema

    click.echo(json.dumps(schema(load_everything(settings.plugin_files())), indent=1, ensure_ascii=False))
