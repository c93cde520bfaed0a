"""`numbann plot`: draws pictures of runs, of what their models predict, and of cross-validations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from numbann_cli import options
from numbann_cli.completion import complete_run
from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS

if TYPE_CHECKING:
    from numbann_cli.pictures.catalogue import Drawn
    from numbann_cli.pictures.look import Look

PLOTS = "plots"


@click.command("plot", help=COMMANDS["plot"])
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), shell_complete=complete_run)
@click.option(
    "-o",
    "--output",
    type=options.written,
    metavar="PATH",
    help="A folder for all (default: plots in RUN), or a file (.png, .svg, .pdf) for the first.",
)
@click.option(
    "--picture", "pictures", multiple=True, metavar="NAME", help="Only this one: learning, roc, ...  Repeatable."
)
@options.rows_of_run
@options.part_of_run
@options.threads
@options.trust
@click.pass_obj
def command(
    settings: Settings,
    runs: tuple[Path, ...],
    output: Path | None,
    pictures: tuple[str, ...],
    data: str | None,
    part: str | None,
    threads: int | None,
    trust: bool,
) -> None:
    """Draw each RUN, the directory of a run or a sweep, or the output of `cv --json`; several over each other."""
    from numbann_cli.pictures import canvas
    from numbann_cli.pictures.catalogue import PICTURES, draw_each, reasons
    from numbann_cli.pictures.look import Asked, look_at
    from numbann_cli.prediction import source_of

    _check(pictures, list(PICTURES))
    place = _place(output, runs, pictures, canvas.ENDINGS)
    options.refuse_both(data, part)
    canvas.check_matplotlib("numbann plot")
    rows = None if data is None else source_of(data)
    asked = Asked(rows, part, threads, trust, settings.usable_files(), bool(pictures))
    looks = [look_at(run, asked, name) for run, name in zip(runs, _names(runs), strict=True)]
    drawing = draw_each(looks, pictures or list(PICTURES))
    drawn = list(drawing) if pictures or not _is_file(place) else _until_one(drawing)
    told, missing = reasons(drawn), [one.name for one in drawn if one.figure is None and not one.reason]
    found = [one for one in drawn if one.figure is not None]
    if not found or (pictures and len(found) < len(drawn)):
        none = [f"{', '.join(missing)}: {_nothing(looks)} nothing of the kind"] if missing else []
        raise click.UsageError("; ".join([*told, *none]) or "there is nothing to draw")
    for line in told:
        click.echo(f"numbann: not drawn: {line}", err=True)
    folder = place.parent if _is_file(place) else place
    folder.mkdir(parents=True, exist_ok=True)
    for one in found:
        path = place if _is_file(place) else place / f"{one.name}.png"
        canvas.save(one.figure, path)
        click.echo(path)


def _check(pictures: tuple[str, ...], known: list[str]) -> None:
    """Refuse the name of a picture that there is not."""
    for name in pictures:
        if name not in known:
            from numbann.errors import did_you_mean

            raise click.UsageError(
                f"--picture {name}: there is none{did_you_mean(name, known)} (pictures: {', '.join(known)})"
            )


def _place(output: Path | None, runs: tuple[Path, ...], pictures: tuple[str, ...], endings: tuple[str, ...]) -> Path:
    """Return the folder or the file of the pictures."""
    if output is None:
        return runs[0] / PLOTS if len(runs) == 1 and runs[0].is_dir() else Path(PLOTS)
    if _is_file(output) and output.suffix[1:].lower() not in endings:
        raise click.UsageError(f"-o {output}: no format of pictures; name a file that ends in .{', .'.join(endings)}")
    if _is_file(output) and len(pictures) > 1:
        raise click.UsageError(f"-o {output}: {len(pictures)} pictures do not go into one file; name a folder")
    return output


def _until_one(drawing: Iterable[Drawn]) -> list[Drawn]:
    """Return what is tried up to the first picture that there is: of a run its learning curves."""
    found: list[Drawn] = []
    for one in drawing:
        found.append(one)
        if one.figure is not None:
            break
    return found


def _is_file(place: Path) -> bool:
    """Tell whether a path is meant for a file."""
    return bool(place.suffix) and not place.is_dir()


def _names(runs: tuple[Path, ...]) -> list[str]:
    """Return a name for each run: that of its folder, or its path where several have the same."""
    short = [run.resolve().stem if run.is_file() else run.resolve().name for run in runs]
    return [name if short.count(name) == 1 else str(run) for name, run in zip(short, runs, strict=True)]


def _nothing(looks: Sequence[Look]) -> str:
    task = looks[0].spec.get("data", {}).get("task")
    if len(looks) > 1:
        return "several runs together have"
    return f"a {task} has" if task else "a sweep has" if looks[0].sweep else "a cross-validation has"
