"""`numbann predict`: writes the predictions of a run's model as CSV."""

from __future__ import annotations

from pathlib import Path

import click

from numbann_cli import options
from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS


@click.command("predict", help=COMMANDS["predict"])
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("data")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="The CSV file (default: stdout).")
@click.option("--probabilities", is_flag=True, help="Also write p_CLASS, the probability of each class.")
@click.option(
    "--outputs", is_flag=True, help="Also write all that the loss gives, in the target's unit: TARGET_mean, ..."
)
@options.device
@options.threads
@options.trust
@click.pass_obj
def command(
    settings: Settings,
    run: Path,
    data: str,
    output: Path | None,
    probabilities: bool,
    outputs: bool,
    device: str | None,
    threads: int | None,
    trust: bool,
) -> None:
    """Predict with the model of RUN, a run directory or .safetensors file, for the rows of DATA ("-": CSV on stdin)."""
    from numbann.model.model import load
    from numbann_cli.prediction import read, table

    _check_output(output)
    model = load(run, device=device or "auto", threads=threads, trust=trust, plugins=settings.usable_files())
    text = table(model, read(model, data, need_target=False).x, probabilities, outputs)
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text)


def _check_output(output: Path | None) -> None:
    """Refuse a directory, and a file whose ending says that it is no CSV."""
    from numbann.data.readers import FORMATS

    if output is not None and output.is_dir():
        raise click.UsageError(f"-o {output}: is a directory; name a file that ends in .csv")
    others = {ending for format in FORMATS.values() for ending in format.endings if format.name != "csv"}
    if output is not None and output.suffix.lower() in {*others, ".gz", ".xlsx", ".json", ".jsonl", ".feather"}:
        raise click.UsageError(f"-o {output}: predictions are written as CSV; name a file that ends in .csv")


def _write(output: Path, text: str) -> None:
    from numbann.training.rundir import write_atomically

    try:
        write_atomically(output, text.encode())
    except OSError as error:
        raise click.UsageError(f"-o {output}: cannot be written: {error.strerror}") from None
