"""The options that several commands share, and their translation to overrides of a spec."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from numbann.engine import devices
from numbann_cli.completion import complete_setting
from numbann_cli.group import Settings


@contextmanager
def _keeping_no_tables() -> Iterator[None]:
    """Set the limit of kept tables to none until a command ends, also for the processes that it starts."""
    from numbann.data.kept import LIMIT

    before = os.environ.get(LIMIT)
    os.environ[LIMIT] = "0"
    try:
        yield
    finally:
        os.environ.pop(LIMIT) if before is None else os.environ.update({LIMIT: before})


class _Output(click.Path):
    """A file or a folder that is written: never one of the name "-", which stands for stdout elsewhere."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        if str(value) == "-":
            raise click.UsageError(
                "-o -: names no file, and stdout is for what the command says; name a file or a folder"
            )
        return super().convert(value, parameter, context)


written = _Output(path_type=Path)  # the type of an option -o
device = click.option("--device", metavar="DEVICE", help=f"Where to compute: {devices.names()}.")
threads = click.option("--threads", type=click.IntRange(min=1), metavar="N", help="At most; no bit depends on it.")
seed = click.option("--seed", type=int, metavar="N", help="The seed of weights, shuffling and splits.")
settings = click.option(
    "--set",
    "given",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=complete_setting,
    help="Set a key over the spec; VALUE is JSON.  Repeatable.",
)


def of_training(command: Callable[..., None]) -> Callable[..., None]:
    """--set, --device, --threads and --seed: the options of a command that trains."""
    return settings(device(threads(seed(command))))


data_settings = click.option(
    "--set",
    "given",
    multiple=True,
    metavar="data.KEY=VALUE",
    shell_complete=complete_setting,
    help="Say how the file is read (data.csv.decimal=,) or taken (data.task=regression).  Repeatable.",
)
targets = click.option(
    "--target", "targets", multiple=True, metavar="COLUMN", help="Train on SPEC, a data file, without a spec."
)
preset = click.option("--preset", metavar="NAME", help="Fill in what the spec leaves open: plain, tabular, ...")
workers = click.option("--workers", type=click.IntRange(1, 4096), metavar="N", help="How many to train at a time.")
processes = click.option("--processes", is_flag=True, help="Train in processes, in the place of threads.")
trust = click.option("--trust", is_flag=True, help="Run the plugins' code that RUN holds or names.")
rows_of_run = click.option(
    "--data", metavar="FILE", help="Other rows than the run's own: a file of data with known targets."
)
part_of_run = click.option(
    "--part",
    type=click.Choice(["train", "validation", "test"]),
    help="The part of the run's rows (default: the last that there is).",
)


def _check_cluster(context: click.Context, parameter: click.Parameter, given: str | None) -> str | None:
    """Refuse what names no cluster, before anything is read."""
    if given is not None:
        from numbann.runner.clusters import CLUSTERS, names_cluster

        if not names_cluster(given):
            raise click.UsageError(f"--cluster {given}: names no cluster; give {CLUSTERS}")
    return given


cluster = click.option(
    "--cluster",
    metavar="ADDRESS",
    callback=_check_cluster,
    help="Train the models on a cluster: tcp://HOST:8786 (Dask), or mpi.",
)


ranks = click.option(
    "--ranks",
    type=click.Choice(["mpi"]),
    help="Train one model on all ranks of mpiexec, which starts this command on each.",
)


def executor_of(cluster: str | None, processes: bool = False, workers: int | None = None) -> str:
    """Return where models are trained."""
    for option, given in (("--processes", processes), ("--workers", workers)):
        if cluster and given:
            raise click.UsageError(f"--cluster and {option}: the cluster knows its workers; leave {option} out")
    return cluster or ("processes" if processes else "threads")


def refuse_ranks_and_cluster(ranks: str | None, cluster: str | None) -> None:
    """Refuse one model on many processes and many models on a cluster at once."""
    if ranks and cluster:
        what = "ranks train one model together, a cluster trains many models; leave one of them out"
        raise click.UsageError(f"--ranks and --cluster: {what}")


no_cache = click.option(
    "--no-cache",
    is_flag=True,
    expose_value=False,
    callback=lambda context, _, given: context.with_resource(_keeping_no_tables()) if given else None,
    help="Read the data anew, and keep no table of it.",
)
json_output = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout; all else on stderr.")


def refuse_both(data: str | None, part: str | None) -> None:
    """Refuse rows of a file and a part of the run's own at once."""
    if data is not None and part is not None:
        raise click.UsageError("--part and --data: the rows of a file are no part of the run; leave one of them out")


def parse_settings(given: Iterable[str]) -> dict[str, Any]:
    """Parse `--set KEY=VALUE` to overrides.  VALUE is JSON; what is none, and has no brackets or quotes, is a text."""
    return dict(_setting(setting) for setting in given)


def parse_data_settings(given: Iterable[str]) -> dict[str, Any]:
    """Parse `--set data.KEY=VALUE` to overrides."""
    found = parse_settings(given)
    for key in found:
        if not key.startswith("data."):
            raise click.UsageError(f"--set {key}: only keys of data are set here, such as data.csv.encoding=cp1252")
    return found


def _setting(setting: str) -> tuple[str, Any]:
    key, separator, text = setting.partition("=")
    if not separator or not key:
        raise click.UsageError(f"--set {setting}: write it as KEY=VALUE, such as --set train.epochs=5")
    return key.strip(), _value(key, text.strip())


def _value(key: str, text: str) -> Any:
    from numbann.errors import SpecError
    from numbann.spec.read import parse

    try:
        return parse(text)[0]
    except SpecError:
        if not set(text) & set("[]{}\"'"):
            return text  # a name, a delimiter, or the format of a date
        raise click.UsageError(f"--set {key}={text}: {text!r} is no JSON value; quote texts as '\"...\"'") from None


def with_plugins(
    spec: Path, overrides: dict[str, Any], group: Settings, own: list[str] | None = None
) -> dict[str, Any]:
    """Return the overrides, with the plugins of --plugin and --plugins-dir added to the spec's own.

    own: the spec's own, if they are known; None to read them.
    """
    files = [str(path.absolute()) for path in group.usable_files()]
    if not files:
        return overrides
    from numbann.spec.loading import plugins_of

    if "plugins" in overrides:
        own = overrides["plugins"]
    elif own is None:
        own = [str(path) for path in plugins_of(spec)]
    return {**overrides, "plugins": [*own, *files]} if isinstance(own, list) else overrides
