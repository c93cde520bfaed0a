"""A page of text that sums up a sweep, from the files in its directory; also of one that is not complete."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numbann.training.lock import find_owner
from numbann.training.rundir import BEST
from numbann.training.sweeps.store import BEST_SPEC, last_rungs, open_sweep
from numbann_cli.failures import printable
from numbann_cli.sweep_table import TrialRows, best_lines, ranked, values_line


def page(path: Path, width: int | None = None) -> str:
    """Return the page of one sweep.  width: the terminal's, or None."""
    files = open_sweep(path)
    return printable("\n".join(_lines(path, files.manifest(), last_rungs(files.rows()), width)))


def _lines(path: Path, manifest: dict[str, Any], rows: list[dict[str, Any]], width: int | None) -> Iterator[str]:
    search, asked = manifest["search"]["type"], manifest["trials"]
    folds = f", {manifest['folds']} folds" if manifest["folds"] > 1 else ""
    yield f"sweep      {path}"
    yield f"search     {search} for {'less' if manifest['better'] == 'lower' else 'more'} {manifest['metric']}{folds}"
    yield f"trials     {len(rows)}{f' of {asked}' if asked is not None else ''}, {_state(path, manifest)}"
    yield ""
    lower, rungs = manifest["better"] == "lower", any("rung" in row for row in rows)
    table = TrialRows(manifest["parameters"], manifest["metric"], rungs, width)
    yield from best_lines(rows, table, lower)
    best = next(iter(ranked(rows, lower)), None)
    if best is not None:
        yield f"\nbest       trial {best['trial']}: {values_line(best['parameters'])}"
    if manifest["finished"]:
        yield f"next       numbann show {path / BEST}\n           numbann train {path / BEST_SPEC}"


def _state(path: Path, manifest: dict[str, Any]) -> str:
    if manifest["finished"]:
        return f"complete, {manifest['finished']}"
    owner = find_owner(path)
    return f"not complete; go on with: numbann resume {path}" if owner is None else f"they are being trained{owner}"
