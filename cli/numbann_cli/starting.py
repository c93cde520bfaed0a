"""What a training starts from: a spec, or a data file with its target, for which a spec is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from numbann_cli import options
from numbann_cli.group import Settings

Source = Path | dict[str, Any]


def source_of(
    file: Path, targets: tuple[str, ...], overrides: dict[str, Any], group: Settings
) -> tuple[Source, dict[str, Any]]:
    """Return the spec of a file, or the one made for a data file, and the overrides with the group's plugins."""
    is_data = _is_data(file, targets)
    overrides = options.with_plugins(file, overrides, group, own=[] if is_data else None)
    if not is_data:
        return file, overrides
    from numbann.training.starter import starter

    return starter(file, targets, overrides=overrides), overrides


def _is_data(file: Path, targets: tuple[str, ...]) -> bool:
    """Tell whether a file is data to train on and no spec, which names its own target."""
    from numbann.data.path import pair_of
    from numbann.data.readers import format_of
    from numbann.spec.source import is_spec

    if targets and is_spec(file):
        raise click.UsageError(f"{file}: is a spec, which names its own target; leave out --target")
    if targets or pair_of(file):
        return True
    if format_of(str(file), "auto") is not None and file.is_file():
        raise click.UsageError(f"{file}: is data, not a spec; name the column to predict: --target COLUMN")
    return False
