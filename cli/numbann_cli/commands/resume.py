"""`numbann resume`: continues a run or a sweep where it stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
@options.workers
@options.processes
@options.cluster
@options.ranks
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
    workers: int | None,
    processes: bool,
    cluster: str | None,
    ranks: str | None,
    trust: bool,
    as_json: bool,
) -> None:
    """Go on with RUN, a run directory or that of a sweep."""
    from numbann.training.runs import resume
    from numbann.training.sweeps.store import is_sweep
    from numbann.training.sweeps.sweep import resume_sweep
    from numbann_cli.console import narrate, shown
    from numbann_cli.ranking import ranking

    options.refuse_ranks_and_cluster(ranks, cluster)
    executor = options.executor_of(cluster, processes, workers)
    whole = is_sweep(run)
    if whole and (epochs or device):
        raise click.UsageError(f"{run}: is a sweep, whose spec says --epochs and --device; leave them out")
    if not whole and (workers or processes):
        raise click.UsageError(f"{run}: is one run; --workers and --processes are for sweeps")
    if whole and ranks:
        raise click.UsageError(f"{run}: is a sweep; --ranks is for one run")
    with (
        ranking(ranks) as own,
        narrate(settings, as_json) as narrator,
        shown(narrator.swept if whole else narrator.result),
    ):
        given: dict[str, Any] = {
            "threads": threads,
            "trust": trust,
            "plugins": settings.usable_files(),
            "executor": executor,
            "callbacks": (narrator,),
        }
        if whole:
            narrator.swept(resume_sweep(run, workers=workers, **given))
        else:
            narrator.result(resume(run, epochs=epochs, device=device, ranks=own, **given))
