"""The run directory: its name and its files, each written atomically.

At every moment it is complete, or can be resumed, or has not begun.  What a run needs to begin anew is written before
the manifest, the manifest before the first checkpoint, and the manifest of a complete run after everything else.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from time import monotonic
from typing import Any

from numbann.errors import RunDirectoryError, TakenError, path_from
from numbann.records import dataclass
from numbann.training.lock import NAME as LOCK

RUNS = Path("runs")
SPEC, RESOLVED, MANIFEST = "spec.json", "spec.resolved.json", "manifest.json"
HISTORY, METRICS = "history.jsonl", "metrics.json"
NUMBERS = re.compile(r"\[\n([-+.\deE,\s]+)\]")  # a list of numbers over several lines
MODEL, CHECKPOINT = "model.safetensors", "checkpoint.safetensors"
ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)  # of strict JSON, on one line
PAUSE = 0.1  # seconds between writes of the history: an epoch of a small network is shorter than a write
OUT_OF_FOLD, MODELS = "out_of_fold.csv", "models"  # of several models: a file, and a folder with one for each
TRACKING = "tracking.json"  # what trackers call the run
FILES = (
    TRACKING,
    MODEL,
    OUT_OF_FOLD,
    METRICS,
    HISTORY,
    CHECKPOINT,
    MANIFEST,
    SPEC,
    RESOLVED,
)  # in the order of their removal
NUMBER = re.compile(r"[1-9]\d{0,8}")  # of a model
SWEEP, BEST = "sweep.manifest.json", "best"  # of a sweep: what it is, and the run of its best trial
TEMPORARY = re.compile(rf"\.({'|'.join(map(re.escape, FILES))})\.\d+")


@dataclass(frozen=True)
class RunDirectory:
    """A directory that belongs to one run."""

    path: Path

    def write(self, name: str, *parts: bytes | memoryview) -> None:
        """Write a file atomically, from its parts."""
        with naming(self.path / name):
            write_atomically(self.path / name, *parts)

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

        def append(record: Mapping[str, Any]) -> None:
            nonlocal written
            waiting.append(record)
            if monotonic() - written > PAUSE:
                write()
                written = monotonic()

        def write() -> None:
            lines = b"".join(map(_line, waiting))
            waiting.clear()
            if lines:
                with naming(self.path / HISTORY):
                    append_lines(self.path / HISTORY, lines)

        try:
            yield append
        finally:
            write()

    def clear(self) -> None:
        """Remove the files of an earlier run, and what was exported of its model; other files stay."""
        from numbann.model.card import NAME, is_card  # here, since few need them
        from numbann.model.export import FORMATS

        endings = (*FORMATS.values(), ".h")
        exported = [f"{stem}{ending}" for stem in ("model", "weights") for ending in endings]
        for name in (*FILES, *exported, *((NAME,) if is_card(self.path / NAME) else ())):
            with naming(self.path / name):
                (self.path / name).unlink(missing_ok=True)
        for model in self.models():
            model.clear()
            model.remove_if_empty()
        RunDirectory(self.path / MODELS).remove_if_empty()

    def models(self) -> list[RunDirectory]:
        """The directories of its models, in their order."""
        found = [one for one in (self.path / MODELS).glob("*") if NUMBER.fullmatch(one.name) and not one.is_symlink()]
        return [RunDirectory(one) for one in sorted(found, key=lambda one: int(one.name))]

    def model(self, number: int) -> RunDirectory:
        """Make the directory of one of its models, if it is not there."""
        path = self.path / MODELS / str(number)
        with naming(path):
            path.mkdir(parents=True, exist_ok=True)
        return RunDirectory(path)

    def sweep(self) -> None:
        """Remove the temporary files of processes that were killed.  Only who holds the lock may do so."""
        with naming(self.path):
            for path in self.path.iterdir():
                if TEMPORARY.fullmatch(path.name):
                    path.unlink(missing_ok=True)
        for model in self.models():
            model.sweep()

    def remove_if_empty(self) -> None:
        """Remove the directory, if nothing is in it."""
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def has(self, name: str) -> bool:
        """Whether a file is there, with something in it."""
        path = self.path / name
        return path.is_file() and path.stat().st_size > 0


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn an error of the system into one that names the path."""
    try:
        yield
    except OSError as error:
        raise RunDirectoryError(f"{path}: cannot be written: {error.strerror}") from None


def json_text(value: Any, indent: int | None = None) -> str:
    """Return the value as strict JSON; a number that is not finite becomes null.

    A list of numbers stays on one line.
    """
    if indent is None:
        return ENCODER.encode(_strict(value))
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


def write_atomically(path: Path, *parts: bytes | memoryview) -> None:
    """Write parts to a temporary file beside the path, flush it to disk, rename it to the path, flush the folder."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("xb") as file:  # never through a link that somebody left there
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    if os.name == "posix":
        _flush_folder(path.parent)


def _flush_folder(path: Path) -> None:
    """Flush the names in a folder to disk, where the file system can."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def append_lines(path: Path, content: bytes) -> None:
    """Append to a file, all of it or nothing."""
    size = path.stat().st_size if path.exists() else 0
    try:
        with open(path, "ab", opener=_without_links) as file:
            file.write(content)
    except OSError:
        with contextlib.suppress(OSError):
            os.truncate(path, size)
        raise


def _without_links(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


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
        raise _taken(path)
    left = [one.name for one in path.iterdir() if one.name != LOCK and not TEMPORARY.fullmatch(one.name)]
    if left and not (path / MANIFEST).is_file() and not (path / RESOLVED).is_file():
        raise RunDirectoryError(
            f"{path}: is no run and not empty (it has {left[0]}), so force does not touch it; name another directory"
        )


def _taken(path: Path) -> TakenError:
    what = "exists already; name another directory, or replace the run in it with --force (force=True)"
    return TakenError(f"{path}: {what}")


def create(output: str | Path | None, name: str, force: bool) -> RunDirectory:
    """Create the run directory: `output`, or the first free one of runs/NAME, runs/NAME-2, ..."""
    check_output(output, force)
    try:
        if output is None:
            return RunDirectory(_first_free(RUNS, name))
        Path(output).mkdir(parents=True, exist_ok=force)
        return RunDirectory(Path(output))
    except OSError as error:
        if output is not None and isinstance(error, FileExistsError):  # made in the meantime
            raise _taken(Path(output)) from None
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
    directory = path_from(path, "a run directory")
    if not directory.exists():
        raise RunDirectoryError(f"{directory}: no such run directory; numbann train makes one under {RUNS}/")
    if not directory.is_dir():
        raise RunDirectoryError(f"{directory}: is a file, not a run directory")
    if (directory / SWEEP).is_file():
        raise RunDirectoryError(f"{directory}: is a sweep; name the run of its best trial, {directory / BEST}")
    if not (directory / MANIFEST).is_file():
        raise RunDirectoryError(
            f"{directory}: is not a run directory: it has no {MANIFEST}; if a run ended here before it began, train "
            "anew with --force (force=True)"
        )
    return RunDirectory(directory)
