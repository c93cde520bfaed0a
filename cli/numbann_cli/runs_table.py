"""A table of the runs in a folder: a row for each, also for what is no run or is damaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import Any

from numbann.data.wording import short
from numbann.errors import RunDirectoryError
from numbann.records import dataclass
from numbann.training.result import Result, lower_is_better
from numbann.training.results import read_result
from numbann.training.rundir import MANIFEST, RUNS, SWEEP
from numbann_cli.failures import printable
from numbann_cli.grid import cut, lines, total, widths

NONE = "-"
TITLES = ("run", "when", "task", "model", "epochs", "metric", "valid.", "test", "seconds", "state")
LEAST = {"model": 7, "run": 12, "metric": 8, "task": 8}  # the columns that are cut, in this order, and to what
SPARED = (
    "task",
    "model",
    "seconds",
    "epochs",
    "when",
)  # those that are left out, in this order, where that does not suffice


@dataclass(frozen=True)
class Row:
    """A folder: the run in it, or why there is none."""

    path: Path
    run: Result | None = None
    remark: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        if self.run is None:
            return {"path": str(self.path), "name": self.path.name, "state": None, "remark": self.remark}
        return {"name": self.path.name, **self.run.to_json(), "metric": self.run.metric}


def rows_of(folder: Path) -> list[Row]:
    """Return the folders in a folder; RunDirectoryError if it cannot be read."""
    try:
        found = sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))
    except OSError as error:
        hint = "; numbann train makes it" if isinstance(error, FileNotFoundError) and folder == RUNS else ""
        raise RunDirectoryError(f"{folder}: cannot be read: {error.strerror}{hint}") from None
    return [_row(one) for one in found]


def _row(path: Path) -> Row:
    try:
        return Row(path, read_result(path, whole=False))
    except RunDirectoryError as error:
        if _has_runs(path):
            return Row(path, remark=f"has runs; numbann runs {path} lists them")
        return Row(path, remark=str(error).splitlines()[0].removeprefix(f"{path}: ").removeprefix(f"{path}/"))


def _has_runs(path: Path) -> bool:
    """Whether a folder that is no run has runs or sweeps in it."""
    if (path / MANIFEST).exists() or (path / SWEEP).exists():
        return False
    with suppress(OSError):
        return any((one / name).is_file() for one in path.iterdir() for name in (MANIFEST, SWEEP))
    return False


def ordered(rows: Sequence[Row], key: str) -> list[Row]:
    """Return runs by a key, those without it at the end, and then what is no run.

    The newest and the best come first; of different metrics each on its own; else the least.
    """
    known = [(row, row.run) for row in rows if row.run is not None]
    keyed = [(row, _key(run, key)) for row, run in known]
    first = sorted((one for one in keyed if one[1] is not None), key=lambda one: one[1])
    if key == "when":
        first.reverse()
    return [row for row, _ in first] + [row for row, value in keyed if value is None] + [r for r in rows if not r.run]


def _key(run: Result, key: str) -> Any:
    if key in ("validation", "test"):
        value = run.metrics.get(key, {}).get(run.metric)
        return None if value is None else (run.metric, value if lower_is_better(run.metric) else -value)
    found: dict[str, Callable[[], Any]] = {
        "when": lambda: None if run.started is None else (run.started, run.name),
        "name": lambda: run.name,
        "task": lambda: run.task,
        "model": lambda: run.units,
        "epochs": lambda: run.epochs,
        "seconds": lambda: run.seconds,
        "state": lambda: run.state,
    }
    return found[key]()


def table(rows: Sequence[Row], width: int) -> str:
    """Return the table; folders without a run are lines with a remark, where they stand."""
    shown = {row.path: _cells(row.run) for row in rows if row.run is not None}
    fitting = _fit([TITLES, *shown.values()], width)
    rooms = widths(fitting)
    aligned = lines(fitting, rooms, left=2)
    head = next(aligned)
    of_run = dict(zip(shown, aligned, strict=True))
    text = [of_run.get(row.path) or cut(_remark(row, rooms[0]), width) for row in rows]
    notes = [line for row, first in zip(rows, text, strict=True) for line in _notes(row, first, width)]
    spared = [title for title in TITLES if title not in fitting[0]]
    notes += wrap(f"left out for want of room: {', '.join(spared)}; --json has all", width) if spared else []
    return printable("\n".join([head, *text, *([""] if notes else []), *notes]))


def _remark(row: Row, room: int) -> str:
    """Return the line of a folder without a run: its name, and what is wrong with it."""
    return f"{row.path.name:<{room}}  {row.remark}"


def _notes(row: Row, line: str, width: int) -> list[str]:
    """Return what is said below the table of a row, whose own line may have no room for it."""
    remark = row.run.remark if row.run is not None else "" if line.endswith(row.remark) else row.remark
    note = f"{row.path.name}: {remark}" if remark else ""
    return wrap(note, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _cells(run: Result) -> tuple[str, ...]:
    figures = [run.metrics.get(part, {}).get(run.metric) for part in ("validation", "test")]
    return (
        run.path.name,
        NONE if run.started is None else _when(run.started),
        run.task or NONE,
        NONE if run.units is None else _model(run.units),
        NONE if run.epochs is None else str(run.epochs),
        run.metric if run.metrics else NONE,
        *(NONE if value is None else short(value, 4) for value in figures),
        NONE if run.seconds is None else f"{run.seconds:.1f}",
        run.state,
    )


def _when(started: str) -> str:
    """Return a time of today as such, another day of this year without the year, any other day with it."""
    try:
        then = datetime.fromisoformat(started).astimezone()
    except (ValueError, OverflowError):
        return NONE
    now = datetime.now(UTC).astimezone()
    if then.date() == now.date():
        return f"{then:%H:%M}"
    return f"{then:%b} {then.day}" if then.year == now.year else f"{then:%Y-%m}"


def _model(units: Sequence[int]) -> str:
    """Return the hidden layers: 64-32, and 64x4 for equal ones."""
    equal = [(size, len([*group])) for size, group in groupby(units)]
    return "-".join(str(size) if count == 1 else f"{size}x{count}" for size, count in equal) or "linear"


def _fit(rows: Sequence[Sequence[str]], width: int) -> list[tuple[str, ...]]:
    """Cut cells, and leave columns out, until the rows fit a width."""
    columns = dict(zip(TITLES, map(list, zip(*rows, strict=True)), strict=True))
    for title, least in LEAST.items():
        over = total([max(map(len, cells)) for cells in columns.values()]) - width
        room = max(map(len, columns[title]))
        if over > 0:
            columns[title] = [cut(cell, max(least, room - over)) for cell in columns[title]]
    for title in SPARED:
        if total([max(map(len, cells)) for cells in columns.values()]) > width:
            del columns[title]
    return list(zip(*columns.values(), strict=True))
