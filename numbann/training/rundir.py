"""A run's directory: its name and its files, each written whole or not at all.  It does not know what they mean."""

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
PAUSE = 0.1  # seconds: an epoch of a small network takes less time than a write
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
        """Write all epochs anew."""
        self.write(HISTORY, b"".join(map(_line, records)))

    @contextmanager
    def history(self) -> Iterator[Callable[[Mapping[str, Any]], None]]:
        """Hold the history open: what this gives adds an epoch, which is in the file PAUSE seconds later at most."""
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
        """Remove the files of an earlier run, and nothing else."""
        for name in FILES:
            (self.path / name).unlink(missing_ok=True)


def json_text(value: Any, indent: int | None = None) -> str:
    """The value as strict JSON: a number that is not finite, which JSON does not know, becomes null.

    A list of numbers stays on one line; a line break in a text is escaped, so that none is taken for one.
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
    """Write a temporary file beside it, bring that to the disk, and let it take the name."""
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
    """Refuse an output directory that is in the way, before anything is computed."""
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
    """Make the run's directory: `output`, or the first free one of runs/NAME, runs/NAME-2, ..."""
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
    """The directory of an earlier run; RunDirectoryError if it is none."""
    directory = Path(path)
    if not directory.exists():
        raise RunDirectoryError(f"{directory}: no such run directory; numbann train makes one under {RUNS}/")
    if not directory.is_dir():
        raise RunDirectoryError(f"{directory}: is a file, not a run directory")
    if not (directory / MANIFEST).is_file():
        raise RunDirectoryError(f"{directory}: is not a run directory: it has no {MANIFEST}")
    return RunDirectory(directory)
