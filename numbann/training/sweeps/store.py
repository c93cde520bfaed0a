"""The directory of a sweep, which grows trial by trial and goes on after whatever ended it.

sweep.manifest.json  what is searched and how: `parameters`, `search`, `metric`, `better` ("lower" or "higher"),
                     `folds`, `trials` (null: as many as time allows), SHA-256 of the data, versions, `started`,
                     `finished`, and the number of the `best` trial.
spec.json            the spec with its sweep, paths absolute.
trials.jsonl         a line for each trial that has ended, in the order of ending: `trial` (from 1), `parameters`
                     (values by path), `value` (of the metric; null if it is not a number), `best_epoch`,
                     `weights_epoch` (of the weights that are kept, if it is another), `epochs`, `seconds`, `validation`
                     (loss and metrics of these weights) and `history` (an object an epoch).  With folds, `folds` has
                     these of each, and the line their means.  A trial that failed has `error` in the place of all that
                     follows the parameters.  Of halving there is a line for each `rung` (from 1).
trials/N.json        such a line, of a trial that was trained alone (`--trial N`).
states/              checkpoints of trials that wait for the next rung.
best.json            the spec of the best trial, ready to train; best/ is its run directory.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from numbann.errors import UNUSABLE, RunDirectoryError, describe_damage, path_from
from numbann.records import dataclass
from numbann.training import rundir
from numbann.training.rundir import BEST, SWEEP, RunDirectory, naming

SPEC, TRIALS, BEST_SPEC = "spec.json", "trials.jsonl", "best.json"
ALONE, STATES = "trials", "states"  # folders
STATE = re.compile(r"\d+-\d+")
FORMAT = 1
Row = dict[str, Any]


@dataclass(frozen=True)
class Store:
    """The files of a sweep."""

    path: Path

    def begin(self, manifest: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
        """Write what the sweep is; it can go on from here."""
        self._files.write_json(SPEC, spec)
        self._files.write_json(SWEEP, manifest)

    def share(self, manifest: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
        """Begin a directory that several processes share, or refuse one of another sweep."""
        with naming(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        if not is_sweep(self.path):
            self.begin(manifest, spec)
        elif self.spec() != json.loads(rundir.json_text(spec)) or self.manifest()["data"] != manifest["data"]:
            raise RunDirectoryError(f"{self.path}: is of another sweep, or of other data; name another directory")

    def clear(self) -> None:
        """Remove the files of an earlier sweep; other files stay."""
        best, alone = RunDirectory(self.path / BEST), self.path / ALONE
        self.keep_states([])
        best.clear()
        best.remove_if_empty()
        with naming(self.path):
            for file in [*(self.path / name for name in (SWEEP, SPEC, TRIALS, BEST_SPEC)), *alone.glob("*.json")]:
                file.unlink(missing_ok=True)
        RunDirectory(alone).remove_if_empty()

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace what is said of the sweep."""
        self._files.write_json(SWEEP, manifest)

    def write_best(self, spec: Mapping[str, Any]) -> None:
        """Write the spec of the best trial."""
        self._files.write_json(BEST_SPEC, spec)

    def manifest(self) -> dict[str, Any]:
        """Read what the sweep is."""
        found = _object(self.path / SWEEP)
        if found.get("format") != FORMAT:
            what = f"has format {found.get('format')!a}; this numbann goes on with format {FORMAT}; sweep anew"
            raise RunDirectoryError(f"{self.path / SWEEP}: {what}")
        return found

    def spec(self) -> dict[str, Any]:
        """Read its spec."""
        return _object(self.path / SPEC)

    def append(self, row: Row) -> None:
        """Add the row of a trial that has ended, all of it or nothing."""
        with naming(self.path / TRIALS):
            rundir.append_lines(self.path / TRIALS, _line(row))

    def write_states(self, trial: int, states: Sequence[bytes]) -> None:
        """Write what a trial goes on from, on the next rung: a checkpoint for each of its models."""
        folder = self.path / STATES
        with naming(folder):
            folder.mkdir(exist_ok=True)
        for place, state in enumerate(states):
            RunDirectory(folder).write(f"{trial}-{place}.safetensors", state)

    def states(self, trial: int) -> list[bytes] | None:
        """Read what a trial goes on from; None if it is not there, so that it begins anew."""
        files = [(int(file.stem.partition("-")[2]), file) for file in self._states() if _trial_of(file) == trial]
        return [file.read_bytes() for _, file in sorted(files)] or None

    def keep_states(self, trials: Sequence[int]) -> None:
        """Remove what other trials would go on from."""
        for file in self._states():
            if _trial_of(file) not in trials:
                file.unlink(missing_ok=True)
        RunDirectory(self.path / STATES).remove_if_empty()

    def _states(self) -> list[Path]:
        return [file for file in (self.path / STATES).glob("*.safetensors") if STATE.fullmatch(file.stem)]

    def mend(self) -> None:
        """Remove a line that was cut off as it was written."""
        path = self.path / TRIALS
        if path.is_file():
            content = path.read_bytes()
            os.truncate(path, content.rfind(b"\n") + 1)

    def write_alone(self, row: Row) -> Path:
        """Write the row of a trial that was trained alone; return its file."""
        folder = self.path / ALONE
        with naming(folder):
            folder.mkdir(exist_ok=True)
        RunDirectory(folder).write(f"{row['trial']}.json", _line(row))
        return folder / f"{row['trial']}.json"

    def rows(self) -> list[Row]:
        """Read the rows of all trials that have ended, by their numbers; of several the last."""
        path = self.path / TRIALS
        *lines, _ = path.read_bytes().split(b"\n") if path.is_file() else [b""]  # the rest was cut off
        found = [_row(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]
        found += [_row(one.read_bytes(), str(one)) for one in sorted((self.path / ALONE).glob("*.json"))]
        rows = {(row["trial"], row.get("rung")): row for row in found}
        return sorted(rows.values(), key=lambda row: (row["trial"], row.get("rung") or 0))

    @property
    def _files(self) -> RunDirectory:
        return RunDirectory(self.path)


def is_sweep(path: Path) -> bool:
    """Tell whether a path is the directory of a sweep."""
    return (path / SWEEP).is_file()


def open_sweep(path: str | Path) -> Store:
    """Open the directory of an earlier sweep; RunDirectoryError if it is none."""
    directory = path_from(path, "the directory of a sweep")
    if not directory.is_dir() or not is_sweep(directory):
        raise RunDirectoryError(f"{directory}: is not the directory of a sweep: it has no {SWEEP}")
    return Store(directory)


def _object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise RunDirectoryError(f"{path}: cannot be read: {error.strerror}") from None
    except UNUSABLE as error:
        raise RunDirectoryError(f"{path}: is damaged: {describe_damage(error)}; sweep anew") from None
    if not isinstance(found, dict):
        raise RunDirectoryError(f"{path}: is damaged: it is no object; sweep anew")
    return found


def _row(line: bytes, place: str) -> Row:
    """Read a row; RunDirectoryError for one that numbann has not written."""
    try:
        row: Row = json.loads(line)
        known = type(row["trial"]) is int and isinstance(row["parameters"], dict)
        known = known and ("error" in row or isinstance(row["value"], float | int | None))
        if not known:
            raise TypeError
    except UNUSABLE as error:
        raise RunDirectoryError(f"{place}: is damaged: {describe_damage(error)}; remove it to train it again") from None
    return row


def _trial_of(state: Path) -> int:
    return int(state.stem.partition("-")[0])


def _line(row: Row) -> bytes:
    return (rundir.json_text(row) + "\n").encode()


def last_rungs(rows: Iterable[Row]) -> list[Row]:
    """Return one row for each trial: the last that it reached."""
    return list({row["trial"]: row for row in rows}.values())


def best_of(rows: Sequence[Row], lower: bool) -> Row | None:
    """Return the best row: of equal ones the first, of rungs one of the last; None if all failed."""
    ranked = [row for row in rows if row.get("value") is not None]
    last = max((row.get("rung", 0) for row in ranked), default=0)
    finals = [row for row in ranked if row.get("rung", 0) == last]
    sign = 1 if lower else -1
    return min(finals, key=lambda row: (sign * row["value"], row["trial"]), default=None)
