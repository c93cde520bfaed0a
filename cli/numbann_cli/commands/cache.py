"""`numbann cache`: says what is kept between runs, compiled kernels and tables, and removes it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import click

from numbann.caches import cache_root, root_fault
from numbann_cli import options
from numbann_cli.overview import COMMANDS

VERSION = re.compile(r"[0-9a-f]{16}")  # the name of a version's folder of kernels


class Kept(NamedTuple):
    """Files of one kind, and their bytes."""

    files: int
    bytes: int

    def __str__(self) -> str:
        """Return both for people."""
        return f"{self.files} file{'s' * (self.files != 1)}, {self.bytes / 1e6:.1f} MB"


@click.group("cache", help=COMMANDS["cache"], no_args_is_help=False, invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """What is kept between runs."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@command.command("info")
@options.json_output
def info(as_json: bool) -> None:
    """Say where the cache is, and how much it holds."""
    from numbann.data.kept import LIMIT, limit

    folders, most = _folders(), limit()
    kernels, tables, versions = _sum(folders["kernels"]), _sum(folders["tables"]), len(folders["kernels"])
    if as_json:
        of_kernels, of_tables = {**kernels._asdict(), "versions": versions}, {**tables._asdict(), "limit": most}
        found = {"path": str(cache_root()), "fault": root_fault() or None}
        click.echo(json.dumps({**found, "kernels": of_kernels, "tables": of_tables}))
        return
    click.echo(f"folder   {cache_root()} (NUMBANN_CACHE_DIR names another)")
    if fault := root_fault():
        click.echo(f"fault    nothing is kept: {fault}")
    click.echo(f"kernels  {kernels}, of {versions} version{'s' * (versions != 1)} of numbann and what compiles it")
    click.echo(f"tables   {tables}, of at most {most / 1e6:.0f} MB ({LIMIT})")


@command.command("clear")
@click.option("--kernels", is_flag=True, help="Remove compiled kernels alone.")
@click.option("--tables", is_flag=True, help="Remove tables alone.")
def clear(kernels: bool, tables: bool) -> None:
    """Remove what is kept; the next run makes what it needs again."""
    asked = {"kernels": kernels or not tables, "tables": tables or not kernels}
    for name, folders in _folders().items():
        if asked[name]:
            before = _sum(folders)
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
            left = _sum(folders)
            click.echo(f"removed  {name}: {Kept(before.files - left.files, before.bytes - left.bytes)}")


def _folders() -> dict[str, list[Path]]:
    """Return the folders of kernels, one for each version, and that of tables; nothing else there is numbann's."""
    from numbann.data.kept import FOLDER

    with suppress(OSError):
        found = [path for path in cache_root().iterdir() if path.is_dir() and not path.is_symlink()]
        kernels = [path for path in found if VERSION.fullmatch(path.name)]
        return {"kernels": kernels, "tables": [path for path in found if path.name == FOLDER]}
    return {"kernels": [], "tables": []}


def _sum(folders: Iterable[Path]) -> Kept:
    """Count the files in some folders, and add up their bytes."""
    sizes = [path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file()]
    return Kept(len(sizes), sum(sizes))
