"""`numbann evaluate`: measures loss and metrics of a run's model on data with known targets."""

from __future__ import annotations

from pathlib import Path

import click

from numbann_cli import options
from numbann_cli.completion import complete_run
from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS


@click.command("evaluate", help=COMMANDS["evaluate"])
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.argument("data")
@options.threads
@options.trust
@options.json_output
@click.pass_obj
def command(settings: Settings, run: Path, data: str, threads: int | None, trust: bool, as_json: bool) -> None:
    """Measure the model of RUN, a run directory or .safetensors file, on DATA ("-": CSV on stdin)."""
    from numbann.model.loading import load
    from numbann.training.rundir import json_text
    from numbann_cli.prediction import read, source_of
    from numbann_cli.rows import guess_of, number
    from numbann_cli.tables import class_lines, confusion_lines, target_lines

    model = load(run, threads=threads, trust=trust, plugins=settings.usable_files())
    x, raw_target, weight, group, _ = read(model, source_of(data), need_target=True)
    found, classes = model.measure(x, raw_target, weight, group), list(model.classes or ())
    if as_json:
        told = {"path": str(run), "data": data, "rows": len(x), "metrics": found.measures, **found.to_json()}
        click.echo(json_text(told if found.confusion is None else {**told, "classes": classes}))
        return
    lines: dict[str, object] = {"rows": len(x), **{name: number(value) for name, value in found.measures.items()}}
    if found.baseline:
        lines["baseline"] = guess_of(found.baseline, found.measures, model.task)
    room = max(map(len, lines))
    for name, value in lines.items():
        click.echo(f"{name:<{room}}  {value}")
    tables = (class_lines(classes, found.confusion), confusion_lines(classes, found.confusion))
    for line in (*target_lines(found.targets), *tables[0], *tables[1]):
        click.echo(line)
