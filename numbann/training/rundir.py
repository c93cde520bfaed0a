"""The run directory: its name and its files, each written atomically."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from time import monotonic
from typing import Any

from numbann.errors import RunDirectoryError

RUNS = Path("runs")
SPEC, RESOLVED, MANIFEST = "spec.json", "spec.resolved.json", "manifest.json"
HISTORY, METRICS = "history.jsonl", "metrics.json"
NUMBERS = re.compile(r"\[\n([-+.\deE,\s]+)\]")  # a list of numbers over several lines
MODEL, CHECKPOINT = "model.safetensors", "checkpoint.safetensors"
PAUSE = 0.1  # seconds between writes of the history: an epoch of a small network is shorter than a write
FILES = (SPEC, RESOLVED, MANIFEST, HISTORY, METRICS, MODEL, CHECKPOINT)


@dataclass(frozen=True)
class RunDirectory:
    """A directory that belongs to one run."""

    path: Path

    def write(self, name: str, content: bytes) -> None:
        """Write a file atomically."""
        try:
            write_atomically(self.path / name, content)
        except OSError as error:
            raise RunDirectoryError(f"{self.path / name}: cannot be written: {error.strerror}") from None

    def write_json(self, name: str, value: Any) -> None:
        """Write a value as JSON with its keys in their order."""
        self.write(name, (json_text(value, indent=2) + "\n").encode())

    def write_history(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Replace the history by these epochs."""
        self.write(HISTORY, b"".join(map(_line, records)))

    @contextmanager
    def history(self) -> Iterator[Callable[[Mapping[str, Any]], None]]:
        """Keep the history open, and yield a function that appends an epoch.

        An epoch reaches the file within PAUSE seconds.
        """
        waiting: list[Mapping[str, Any]] = []
        written = monotonic()
        with (self.path / HISTORY).open("ab", buffering=0) as file:

            def append(record: Mapping[str, Any]) -> None:
                nonlocal written
                waiting.append(record)
                if monotonic() - written > PAUSE:
                    write()
                    written = monotonic()

            def write() -> None:
                file.write(b"".join(map(_line, waiting)))
                waiting.clear()

            try:
                yield append
            finally:
                write()

    def clear(self) -> None:
        """Remove the files of an earlier run; other files stay."""
        for name in FILES:
            (self.path / name).unlink(missing_ok=True)


def json_text(value: Any, indent: int | None = None) -> str:
    """Return the value as strict JSON; a number that is not finite becomes null.

    A list of numbers stays on one line.
    """
    text = json.dumps(_strict(value), indent=indent, ensure_ascii=False, allow_nan=False)
    return NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text)


def _strict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _strict(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(inner) for inner in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _line(record: Mapping[str, Any]) -> bytes:
    return (json_text(record) + "\n").encode()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a temporary file in the same folder, flush it to disk, and rename it to the path."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def check_output(output: str | Path | None, force: bool) -> None:
    """Refuse an output directory that already exists, before anything is computed."""
    if output is None:
        return
    path = Path(output)
    if not os.path.lexists(path):
        return
    if not path.is_dir():
        raise RunDirectoryError(f"{path}: is a file; name a new directory for the run")
    if not force:
        raise RunDirectoryError(
            f"{path}: exists already; name another directory, or replace the run in it with --force (force=True)"
        )
    if any(path.iterdir()) and not (path / MANIFEST).is_file():
        raise RunDirectoryError(f"{path}: is no run and not empty, so force does not touch it; name another directory")


def create(output: str | Path | None, name: str, force: bool) -> RunDirectory:
    """Create the run directory: `output`, or the first free one of runs/NAME, runs/NAME-2, ..."""
    check_output(output, force)
    try:
        if output is None:
            return RunDirectory(_first_free(RUNS, name))
        Path(output).mkdir(parents=True, exist_ok=force)
        return RunDirectory(Path(output))
    except OSError as error:
        raise RunDirectoryError(f"{error.filename}: cannot be made a run directory: {error.strerror}") from None


def _first_free(parent: Path, name: str) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        path = parent / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise AssertionError("numbers do not end")


def open_existing(path: str | Path) -> RunDirectory:
    """Open the directory of an earlier run; RunDirectoryError if it is not one."""
    directory = Path(path)
    if not directory.exists():
        raise RunDirectoryError(f"{directory}: no such run directory; numbann train makes one under {RUNS}/")
    if not directory.is_dir():
        raise RunDirectoryError(f"{directory}: is a file, not a run directory")
    if not (directory / MANIFEST).is_file():
        raise RunDirectoryError(f"{directory}: is not a run directory: it has no {MANIFEST}")
    return RunDirectory(directory)
