"""`numbann lr-find`: runs a learning-rate range test, and shows its curve and a suggestion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from numbann_cli import options, starting
from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS

RATE = click.FloatRange(min=0, min_open=True)


@click.command("lr-find", help=COMMANDS["lr-find"])
@click.argument("spec", type=click.Path(path_type=Path))
@options.targets
@click.option("--from", "lowest", type=RATE, default=1e-7, show_default=True, metavar="RATE", help="The first rate.")
@click.option("--to", "highest", type=RATE, default=10.0, show_default=True, metavar="RATE", help="The last rate.")
@click.option(
    "--steps", type=click.IntRange(20, 1_000_000), default=200, show_default=True, metavar="N", help="How many."
)
@options.of_training
@options.no_cache
@options.json_output
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Draw it, such as a PNG.")
@click.pass_obj
def command(
    settings: Settings,
    spec: Path,
    targets: tuple[str, ...],
    lowest: float,
    highest: float,
    steps: int,
    given: tuple[str, ...],
    device: str | None,
    threads: int | None,
    seed: int | None,
    as_json: bool,
    plot: Path | None,
) -> None:
    """Find a learning rate for SPEC, a JSON file; or, with --target COLUMN, for a data file by a spec made for it."""
    if lowest >= highest:
        raise click.UsageError(f"--from {lowest:g}: must be below --to {highest:g}")
    from numbann.training.callbacks import Event, Planned
    from numbann.training.range_test import find_learning_rate
    from numbann_cli.console import narrate
    from numbann_cli.pictures.canvas import check_matplotlib
    from numbann_cli.pictures.component import draw_range_test

    if plot:
        check_matplotlib("--plot")  # before anything is computed
    events: list[Event] = []
    source, overrides = starting.source_of(spec, targets, options.parse_settings(given), settings)
    with narrate(settings, as_json) as narrator:
        narrator.source(source)
        found = find_learning_rate(
            source,
            lowest=lowest,
            highest=highest,
            steps=steps,
            device=device,
            threads=threads,
            seed=seed,
            overrides=overrides,
            callbacks=(narrator, events.append),
        )
    if plot:
        draw_range_test(plot, found)
    planned = next(event for event in events if isinstance(event, Planned))
    chosen = optimizer(planned.resolved, found.suggestion)
    click.echo(json.dumps(_values(found, chosen)) if as_json else "\n".join(_lines(found, chosen, settings.quiet)))


def optimizer(resolved: Any, rate: float) -> dict[str, Any]:
    """Return the spec's optimizer with a rate, without parameters at their default."""
    own, values = resolved.optimizer.component.defaults(), resolved.optimizer.values
    changed = {name: value for name, value in values.items() if name != "learning_rate" and value != own[name]}
    if resolved.weight_decay and "weight_decay" not in own:
        changed["weight_decay"] = resolved.weight_decay
    return {"type": resolved.optimizer.name, "learning_rate": rate, **changed}


def _values(found: Any, chosen: dict[str, Any]) -> dict[str, Any]:
    arrays = {name: getattr(found, name).tolist() for name in ("rates", "losses", "smoothed")}
    return {"suggestion": found.suggestion, "cautious": found.cautious, "optimizer": chosen, **arrays}


def _lines(found: Any, chosen: dict[str, Any], quiet: bool) -> list[str]:
    from numbann_cli.curve import LABELS, column_of, picture
    from numbann_cli.series import Series

    rates, losses = found.rates.tolist(), found.smoothed.tolist()
    curve = picture(Series("loss, averaged", "learning rate, logarithmic", rates, losses), base=None)
    low, near = losses.index(min(losses)), min(rates, key=lambda rate: abs(rate / found.suggestion - 1))
    arrow = " " * (LABELS + column_of(rates.index(near), len(rates))) + "^"
    return [
        *([] if quiet else ["", *curve, arrow]),
        f"lowest      {losses[low]:.4g} at {rates[low]:.1e}; a tenth of that rate is {found.cautious:g}",
        f"suggestion  {found.suggestion:g}, where the loss falls fastest",
        f'            "optimizer": {json.dumps(chosen)}',
    ]
