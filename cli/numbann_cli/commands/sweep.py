"""`numbann sweep`: trains a spec with many values of its keys, and tells which are best."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from numbann_cli import options, starting
from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS


@click.command("sweep", help=COMMANDS["sweep"])
@click.argument("spec", type=click.Path(path_type=Path))
@options.targets
@click.option("-o", "--output", type=options.written, metavar="DIR", help="Its directory; default: runs/NAME-sweep.")
@click.option(
    "--trial", type=int, metavar="N", help="Train trial N alone, for an array of jobs; numbann resume gathers."
)
@options.of_training
@options.workers
@options.processes
@options.cluster
@options.no_cache
@click.option("--force", is_flag=True, help="Replace an existing sweep.")
@options.json_output
@click.pass_obj
def command(
    settings: Settings,
    spec: Path,
    targets: tuple[str, ...],
    output: Path | None,
    trial: int | None,
    given: tuple[str, ...],
    device: str | None,
    threads: int | None,
    seed: int | None,
    workers: int | None,
    processes: bool,
    cluster: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Train SPEC, a JSON file with a sweep, with many values; or, with --target COLUMN, a spec made for a data file."""
    if trial is not None and output is None:
        raise click.UsageError("--trial: name the directory that all trials share: -o DIR")
    if trial is not None and (force or processes or workers or cluster):
        raise click.UsageError("--trial: is one training; leave --force, --processes, --workers and --cluster out")
    executor = options.executor_of(cluster, processes, workers)
    source, overrides = starting.source_of(spec, targets, options.parse_settings(given), settings)
    from numbann.training.sweeps.sweep import sweep, sweep_trial
    from numbann_cli.console import narrate, shown

    with narrate(settings, as_json) as narrator:
        narrator.source(source)
        where: dict[str, Any] = {"device": device, "threads": threads, "seed": seed, "overrides": overrides}
        where["callbacks"] = (narrator,)
        if trial is not None:
            assert output is not None
            row = sweep_trial(source, trial, output=output, **where)
            narrator.trial(row, output)
            if "error" in row:
                click.get_current_context().exit(1)
            return
        with shown(narrator.swept):
            found = sweep(source, executor=executor, workers=workers, output=output, force=force, **where)
        narrator.swept(found)
