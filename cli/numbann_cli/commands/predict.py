"""`numbann predict`: writes the predictions of a run's model as CSV, JSON or in another format."""

from __future__ import annotations

from pathlib import Path

import click

from numbann_cli import options
from numbann_cli.completion import complete_run
from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS

STANDARD_OUTPUT = Path("-")


@click.command("predict", help=COMMANDS["predict"])
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.argument("data")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file, as its ending says: .csv, .jsonl, .parquet, .feather (default: CSV on stdout).",
)
@click.option("--probabilities", is_flag=True, help="Also write p_CLASS, the probability of each class.")
@click.option(
    "--outputs", is_flag=True, help="Also write all that the loss gives, in the target's unit: TARGET_mean, ..."
)
@click.option(
    "--keep", metavar="NAME,...", help='Write these columns of DATA before the predictions; "all": every one.'
)
@options.device
@options.threads
@options.trust
@options.json_output
@click.pass_obj
def command(
    settings: Settings,
    run: Path,
    data: str,
    output: Path | None,
    probabilities: bool,
    outputs: bool,
    keep: str | None,
    device: str | None,
    threads: int | None,
    trust: bool,
    as_json: bool,
) -> None:
    """Predict with the model of RUN, a run directory or .safetensors file, for the rows of DATA.

    "-" is stdin: a table such as CSV, or JSON lines, each of which is answered at once by a line on stdout.
    """
    from numbann.model.loading import load
    from numbann_cli import lines, prediction

    output = None if output == STANDARD_OUTPUT else output
    written = prediction.writer_for(output, as_json)
    model = load(run, device=device or "auto", threads=threads, trust=trust, plugins=settings.usable_files())
    if data == "-" and output is None and lines.are_there():
        lines.answer(model, keep, probabilities=probabilities, outputs=outputs)
        return
    files = model.preprocessing.find(prediction.source_of(data), need_target=False)
    kept = model.preprocessing.read_as_written(files, None if keep == "all" else keep.split(",")) if keep else {}
    x = prediction.read(model, files, need_target=False).x
    columns = prediction.join(kept, prediction.predict(model, x, probabilities, outputs))
    content = written(columns)
    if output is None:
        click.echo(content, nl=False)
    else:
        prediction.write(output, content)
