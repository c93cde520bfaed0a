"""`numbann cv`: trains a model for each fold of the rows on rows outside it, and tells what they are worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from numbann_cli import options, starting
from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS


@click.command("cv", help=COMMANDS["cv"])
@click.argument("spec", type=click.Path(path_type=Path))
@options.targets
@click.option(
    "--folds", type=click.IntRange(2, 1000), default=5, show_default=True, metavar="N", help="How many folds."
)
@click.option(
    "--repeats", type=click.IntRange(1, 1000), default=1, show_default=True, metavar="N", help="Cut anew N times."
)
@click.option(
    "-o",
    "--output",
    type=options.written,
    metavar="FILE",
    help="Write what is predicted out of fold, a line a row and repeat: .csv, .jsonl, .parquet, .feather.",
)
@options.of_training
@options.processes
@options.cluster
@options.no_cache
@options.json_output
@click.pass_obj
def command(
    settings: Settings,
    spec: Path,
    targets: tuple[str, ...],
    folds: int,
    repeats: int,
    output: Path | None,
    given: tuple[str, ...],
    device: str | None,
    threads: int | None,
    seed: int | None,
    processes: bool,
    cluster: str | None,
    as_json: bool,
) -> None:
    """Cross-validate SPEC, a JSON file; or, with --target COLUMN, a spec made for a data file."""
    from numbann_cli import prediction

    if output is not None and not output.parent.is_dir():
        raise click.UsageError(f"-o {output}: there is no folder {output.parent}; make it first")
    written = prediction.writer_for(output)
    executor = options.executor_of(cluster, processes)
    source, overrides = starting.source_of(spec, targets, options.parse_settings(given), settings)
    from numbann.training.cross_validation import cross_validate
    from numbann_cli.console import narrate, shown

    def show(found: Any) -> None:
        if output is not None:
            prediction.write(output, written(found.predictions))
        narrator.validated(found, output)

    with narrate(settings, as_json) as narrator, shown(show):
        narrator.source(source)
        found = cross_validate(
            source,
            folds=folds,
            repeats=repeats,
            executor=executor,
            device=device,
            threads=threads,
            seed=seed,
            overrides=overrides,
            callbacks=(narrator,),
        )
        show(found)
    if found.failed:
        click.get_current_context().exit(1)
