"""`numbann train`: trains the model of a spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from numbann_cli import options, starting
from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS


@click.command("train", help=COMMANDS["train"])
@click.argument("spec", type=click.Path(path_type=Path))
@options.targets
@options.preset
@click.option(
    "-o",
    "--output",
    type=options.written,
    metavar="DIR",
    help="The run directory (default: runs/NAME, runs/NAME-2, ...).",
)
@options.of_training
@options.cluster
@options.ranks
@options.no_cache
@click.option("--dry-run", is_flag=True, help="Check, read the data and plan, but train and write nothing.")
@click.option("--force", is_flag=True, help="Replace the run in the directory given with -o.")
@options.json_output
@click.pass_obj
def command(
    settings: Settings,
    spec: Path,
    targets: tuple[str, ...],
    preset: str | None,
    output: Path | None,
    given: tuple[str, ...],
    device: str | None,
    threads: int | None,
    seed: int | None,
    cluster: str | None,
    ranks: str | None,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Train the model of SPEC, a JSON file; or, with --target COLUMN, on a data file by a spec made for it."""
    for option, value in (("--cluster", cluster), ("--ranks", ranks)):
        if value and dry_run:
            raise click.UsageError(f"{option} and --dry-run: nothing is trained; leave {option} out")
    options.refuse_ranks_and_cluster(ranks, cluster)
    flags = {"preset": preset, "train.device": device, "train.threads": threads, "seed": seed}
    overrides = options.parse_settings(given) | {key: value for key, value in flags.items() if value is not None}
    from numbann_cli.ranking import ranking

    with ranking(ranks) as own:
        source, overrides = starting.source_of(spec, targets, overrides, settings)
        from numbann_cli.console import narrate

        with narrate(settings, as_json) as narrator:
            narrator.source(source)
            if dry_run:
                _run_dry(source, overrides, output, force, narrator)
                return
            from numbann.training.runs import train
            from numbann_cli.console import shown

            place = {"executor": options.executor_of(cluster), "ranks": own, "callbacks": (narrator,)}
            with shown(narrator.result):
                narrator.result(train(source, output=output, force=force, overrides=overrides, **place))


def _run_dry(spec: starting.Source, overrides: dict[str, Any], output: Path | None, force: bool, narrator: Any) -> None:
    from numbann.training.preparation import prepare
    from numbann.training.rundir import check_output

    check_output(output, force)
    job = prepare(spec, overrides, narrator)
    check_output(output or job.loaded.spec.output, force)
    narrator.dry_run(job)
