"""`numbann compare`: sets runs, models and cross-validations side by side."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import click

from numbann_cli import options
from numbann_cli.completion import complete_run
from numbann_cli.grid import WIDTH
from numbann_cli.overview import COMMANDS


@click.command("compare", help=COMMANDS["compare"])
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN...", type=Path, shell_complete=complete_run)
@options.json_output
def command(runs: tuple[Path, ...], as_json: bool) -> None:
    """Compare RUNs: run directories, model files, or files of numbann cv --json."""
    if len(runs) < 2:
        raise click.UsageError(f"{runs[0]} is one; name another run, model or cross-validation to compare it with")
    from numbann.training.results import read_result

    results = [read_result(run) for run in runs]
    if as_json:
        from numbann.training.rundir import json_text

        click.echo(json_text(_as_json(results)))
        return
    from numbann_cli.comparison import page

    click.echo(page(results, shutil.get_terminal_size((WIDTH, 24)).columns))


def _as_json(results: list[Any]) -> dict[str, Any]:
    from numbann.training.comparing import ABSENT, differences, pair

    spec = {
        path: [None if value is ABSENT else value for value in values] for path, values in differences(results).items()
    }
    pairs = [(one, pair(results[0], one)) for one in results[1:]]
    paired = [
        {"path": str(one.path), "minus": str(results[0].path), **found.to_json()}
        for one, found in pairs
        if found is not None
    ]
    return {"runs": [one.to_json() for one in results], "spec": spec, "paired": paired}
