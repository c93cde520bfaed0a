"""`numbann export`: writes the model of a run as a file of another program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from numbann_cli import options
from numbann_cli.completion import complete_run
from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS

if TYPE_CHECKING:
    from numbann.model.model import Model


@click.command("export", help=COMMANDS["export"])
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.option(
    "--format", metavar="FORMAT", help="onnx, c, npz, safetensors (default: what FILE's ending says, else onnx)."
)
@click.option("-o", "--output", type=options.written, metavar="FILE", help="The file (default: beside the model).")
@click.option("--verify", is_flag=True, help="Compare its predictions with the model's; exit code 1 if they differ.")
@click.option("--data", metavar="DATA", help="The rows to compare on (default: 1000 drawn as those of training were).")
@click.option("--card/--no-card", default=True, help="Whether to write README.md, the model's card, beside it.")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), help="Of the numbers that it takes.")
@options.trust
@click.option("--force", is_flag=True, help="Write over a file that numbann did not write.")
@options.json_output
@click.pass_obj
def command(
    settings: Settings,
    run: Path,
    format: str | None,
    output: Path | None,
    verify: bool,
    data: str | None,
    card: bool,
    dtype: str | None,
    force: bool,
    trust: bool,
    as_json: bool,
) -> None:
    """Write the model of RUN, a run directory or .safetensors file, from raw columns to predictions."""
    from numbann.model.export import find_format, format_of
    from numbann.model.file import file_of
    from numbann.model.loading import load
    from numbann.training.rundir import json_text

    if data is not None and not verify:
        raise click.UsageError("--data gives the rows of --verify; give both")
    file_of(run)  # that it is there is said before what its export needs
    kind = format or ("onnx" if output is None else format_of(output))
    find_format(kind)  # before the model is read
    model = load(run, trust=trust, plugins=settings.usable_files())
    place = output or _default(run, kind)
    found = model.export(place, kind, dtype=dtype, verify=verify, data=data, force=force)
    files = [*found.files, *(_write_card(run, model, place) if card else ())]
    if as_json:
        told = {"files": list(map(str, files)), "format": kind}
        click.echo(json_text({**told, **({"verified": found.check._asdict()} if found.check else {})}))
        return
    if found.check:
        check = found.check
        click.echo(f"verified   {check.rows} rows, by {check.runtime}: largest difference {check.difference:.1e}")
    for path in files:
        click.echo(f"written    {path}, {path.stat().st_size / 1e3:.1f} kB")


def _default(run: Path, kind: str) -> Path:
    """Return the file that is written if none is named: beside the model, and never over it."""
    from numbann.model.export import FORMATS, WEIGHTS

    name = ("model" if run.is_dir() else run.stem) if kind not in WEIGHTS else "weights"
    return (run / name if run.is_dir() else run.with_name(name)).with_suffix(FORMATS[kind])


def _write_card(run: Path, model: Model, exported: Path) -> list[Path]:
    """Write the card beside an export, unless there is a README.md of somebody else."""
    from numbann.model.card import card, place_of_card
    from numbann.model.export import FORMATS
    from numbann.model.file import file_of
    from numbann.model.marks import is_export

    own, folder = file_of(run), run if run.is_dir() else None
    beside = own.parent.resolve() == exported.parent.resolve()
    in_run = folder is not None and beside
    path = place_of_card(exported.parent, None if in_run else exported.stem)
    if path is None:
        told = f"{exported.parent}: a page there is no card of a model, and stays as it is"
        click.echo(f"numbann: {told}; none is written", err=True)
        return []
    name = run.resolve().name if folder else run.stem
    files = (one for one in exported.parent.iterdir() if one.suffix in FORMATS.values() and is_export(one))
    found = sorted(one.name for one in files if in_run or one.stem == exported.stem)
    path.write_text(card(model, name, folder, found, own.name if beside else ""), encoding="utf-8")
    return [path]
