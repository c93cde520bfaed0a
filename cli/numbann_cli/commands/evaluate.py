"""`numbann evaluate`: measures loss and metrics of a run's model on data with known targets."""

from __future__ import annotations

from pathlib import Path

import click

from numbann_cli import options
from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS


@click.command("evaluate", help=COMMANDS["evaluate"])
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("data")
@options.threads
@options.trust
@options.json_output
@click.pass_obj
def command(settings: Settings, run: Path, data: str, threads: int | None, trust: bool, as_json: bool) -> None:
    """Measure the model of RUN, a run directory or .safetensors file, on DATA ("-": CSV on stdin)."""
    from numbann.model.model import load
    from numbann.training.rundir import json_text
    from numbann_cli.confusion import confusion_lines
    from numbann_cli.prediction import read
    from numbann_cli.rows import number

    model = load(run, threads=threads, trust=trust, plugins=settings.usable_files())
    x, raw_target, weight, _ = read(model, data, need_target=True)
    measures, confusion = model.measure(x, raw_target, weight)
    classes = list(model.classes or ())
    if as_json:
        told = {"path": str(run), "data": data, "rows": len(x), "metrics": measures}
        click.echo(json_text(told if confusion is None else {**told, "classes": classes, "confusion": confusion}))
        return
    room = max(map(len, measures))
    for name, value in [("rows", len(x)), *measures.items()]:
        click.echo(f"{name:<{room}}  {number(value)}")
    for line in confusion_lines(classes, confusion):
        click.echo(line)
