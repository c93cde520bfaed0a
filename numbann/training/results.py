"""What trainings say of themselves in their files: runs, ensembles, models alone, and cross-validations.

Only what is small is read: no rows, and of a model its header.  Nothing that a file names is imported or run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from numbann.data.contract import PARTS
from numbann.data.readers import format_of
from numbann.errors import UNUSABLE, RunDirectoryError, path_from
from numbann.model.file import KIND
from numbann.model.marks import is_export
from numbann.model.tensor_file import read_header
from numbann.spec.source import is_spec
from numbann.training.lock import find_owner
from numbann.training.result import (
    ALONE,
    ENSEMBLE,
    FAILED,
    FINISHED,
    INTERRUPTED,
    RUN,
    RUNNING,
    SWEPT,
    VALIDATION,
    Figures,
    Fold,
    Result,
    lower_is_better,
)
from numbann.training.rundir import (
    BEST,
    HISTORY,
    MANIFEST,
    METRICS,
    MODEL,
    RESOLVED,
    SWEEP,
    RunDirectory,
    open_existing,
)
from numbann.training.sweeps.store import TRIALS, best_of, last_rungs, open_sweep
from numbann.training.unchecked import figures_of, number_of, object_in, reading, spec_of, text_of

VALIDATED = {"folds", "mean", "deviation", "spec", "parameters"}  # the keys of a cross-validation
STATISTICS = (".norm.mean", ".norm.variance")  # the tensors of a model that are not trained


def read_result(path: str | Path, *, whole: bool = True) -> Result:
    """Read what is at a path: the directory of a run or a sweep, a model file, or what `numbann cv --json` prints.

    RunDirectoryError if it is none of them, or damaged.  whole: whether it is one for a sweep without a best run, too;
    else that has its best trial so far, and no spec.
    """
    place = path_from(path, "a run directory, a model file, or a file of numbann cv --json")
    if not place.exists():
        raise RunDirectoryError(f"{place}: there is no such run directory or file")
    if (place / SWEEP).exists():
        return _of_sweep(place, whole)
    if place.is_dir():
        return _of_run(place)
    return _of_validation(place) if place.suffix == ".json" else _of_model(place)


# ---- runs


def _of_run(path: Path) -> Result:
    """Read a run directory; one of several models is an ensemble."""
    directory = open_existing(path)
    with reading(path / MANIFEST) as file:
        manifest = object_in(file)
        started, finished, failed = (text_of(manifest.get(key)) for key in ("started", "finished", "failed"))
        seconds = None if finished is None else number_of(manifest["training_seconds"])
        digests = [str(one["sha256"]) for one in manifest["data"]]
    with reading(path / RESOLVED) as file:
        spec = spec_of(object_in(file))
    models = directory.models()
    histories = [_history(one) for one in models or [directory]]
    with reading(path / METRICS) as file:
        metrics = object_in(file) if file.exists() else {}
        parts: dict[str, Figures] = {part: figures_of(metrics[part]) for part in PARTS if part in metrics}
        folds = _folds(metrics.get("models", []))
        best = number_of(metrics["best_epoch"]) if metrics else None
    with reading(path / HISTORY):
        done = sum(map(len, histories))
        if seconds is None:
            seconds = sum(number_of(record["seconds"]) or 0.0 for history in histories for record in history)
        if not metrics and not models and histories[0]:
            best, parts = _best(histories[0], spec)
    size, parameters = _sizes(path / MODEL) if directory.has(MODEL) else (None, None)
    state = _state(path, finished, failed)
    return Result(
        path=path,
        kind=ENSEMBLE if models else RUN,
        spec=spec,
        state=state,
        started=started,
        metrics=parts,
        folds=folds,
        digests=digests,
        epochs=done,
        best_epoch=best,
        seconds=seconds,
        parameters=parameters,
        size=size,
        remark=failed or "" if state == FAILED else _lost(directory) if state == FINISHED else "",
    )


def _of_sweep(path: Path, whole: bool) -> Result:
    """Read the run of a sweep's best trial."""
    if (path / BEST / MANIFEST).exists():
        return replace(_of_run(path / BEST), path=path, kind=SWEPT)
    if not whole:
        return _of_trials(path)
    running = find_owner(path) is not None
    goes_on = "another process trains it" if running else f"numbann resume {path} goes on"
    raise RunDirectoryError(f"{path}: is a sweep that is not complete; {goes_on}")


def _of_trials(path: Path) -> Result:
    """Read the best trial so far of a sweep without a best run."""
    files = open_sweep(path)
    with reading(path / SWEEP):
        manifest = files.manifest()
        lower, started = manifest["better"] == "lower", text_of(manifest["started"])
        asked = "" if manifest["trials"] is None else f" of {manifest['trials']}"
    with reading(path / TRIALS):
        rows = last_rungs(files.rows())
        best = best_of(rows, lower)
        seconds = sum(number_of(row.get("seconds"), 0.0) for row in rows)
        figures = {} if best is None else {"validation": figures_of(best["validation"])}
        course = (None, None) if best is None else (int(best["epochs"]), number_of(best["best_epoch"]))
    state = _state(path, None, None)
    first = "" if best is None else f"; trial {best['trial']} is the best so far"
    goes_on = "" if state == RUNNING else f"; numbann resume {path} goes on"
    return Result(
        path=path,
        kind=SWEPT,
        spec={},
        state=state,
        started=started,
        metrics=figures,
        epochs=course[0],
        best_epoch=course[1],
        seconds=seconds,
        remark=f"{len(rows)}{asked} trials{first}{goes_on}",
    )


def _lost(directory: RunDirectory) -> str:
    """Return, in words, what a finished run has no longer."""
    lost = " and no ".join(name for name in (MODEL, METRICS) if not directory.has(name))
    return f"has no {lost}; numbann resume {directory.path} writes what is missing" if lost else ""


def _state(path: Path, finished: str | None, failed: str | None) -> str:
    if find_owner(path) is not None:
        return RUNNING
    return FINISHED if finished else FAILED if failed else INTERRUPTED


def _history(directory: RunDirectory) -> list[dict[str, Any]]:
    """Return a line for each whole epoch; one that was cut off as it was written is left out."""
    with reading(directory.path / HISTORY) as file:
        *lines, _ = file.read_bytes().split(b"\n") if file.exists() else [b""]
        records = [json.loads(line) for line in lines]
        if not all(isinstance(record, dict) for record in records):
            raise TypeError
        return records


def _best(history: Sequence[Mapping[str, Any]], spec: Mapping[str, Any]) -> tuple[float, dict[str, Figures]]:
    """Return the best epoch so far, by what the spec watches, and its figures."""
    watched = (spec["train"].get("select") or {}).get("monitor", "")
    key = watched if watched in history[0] else "train_loss"
    sign = 1.0 if lower_is_better(key.partition("_")[2]) else -1.0
    best = min(history, key=lambda record: sign * number_of(record[key], sign * float("inf")))
    parts = {
        part: figures_of({name.removeprefix(f"{part}_"): best[name] for name in best if name.startswith(f"{part}_")})
        for part in ("train", "validation")
    }
    return number_of(best["epoch"]), {part: figures for part, figures in parts.items() if figures}


# ---- models alone, and cross-validations


def check_model(path: Path) -> None:
    """Refuse a file that is something else than a model, and say what takes it."""
    with suppress(OSError, RecursionError, *UNUSABLE):
        if path.suffix == ".json" and json.loads(path.read_bytes()).keys() >= VALIDATED:
            what = f"is the result of a cross-validation; numbann plot {path} draws it, and numbann compare takes it"
            raise RunDirectoryError(f"{path}: {what}")
    if is_spec(path):
        raise RunDirectoryError(f"{path}: is a spec; numbann check {path} says what it uses")
    if format_of(str(path), "auto") is not None and not is_export(path):
        raise RunDirectoryError(f"{path}: is a file of data; numbann data {path} sums it up")


def _of_model(path: Path) -> Result:
    check_model(path)
    metadata, shapes = read_header(path, KIND)
    with reading(path):
        spec, several = spec_of(metadata["spec"]), bool(metadata.get("models"))
        size = path.stat().st_size
    return Result(path=path, kind=ENSEMBLE if several else ALONE, spec=spec, parameters=_trained(shapes), size=size)


def _sizes(path: Path) -> tuple[int, int]:
    """Return the bytes of a model's file, and how many numbers were trained."""
    _, shapes = read_header(path, KIND)
    return path.stat().st_size, _trained(shapes)


def _trained(shapes: Mapping[str, Sequence[int]]) -> int:
    total = 0
    for name, shape in shapes.items():
        if not name.endswith(STATISTICS):
            size = 1
            for length in shape:
                size *= length
            total += size
    return total


def _of_validation(path: Path) -> Result:
    """Read the result of a cross-validation."""
    with reading(path) as file:
        found = object_in(file)
        if not found.keys() >= VALIDATED:
            raise RunDirectoryError(f"{path}: is no result of a cross-validation, which numbann cv SPEC --json prints")
        models = [one for one in found["folds"] if "error" not in one]
        return Result(
            path=path,
            kind=VALIDATION,
            spec=spec_of(found["spec"]),
            metrics={"validation": figures_of(found["mean"])},
            deviation=figures_of(found["deviation"]),
            folds=_folds(models),
            epochs=sum(int(one["epochs"]) for one in models),
            best_epoch=sum(number_of(one["best_epoch"]) for one in models) / len(models),
            seconds=sum(number_of(one["seconds"]) for one in models),
            parameters=int(found["parameters"]),
            remark="" if len(models) == len(found["folds"]) else f"{len(found['folds']) - len(models)} models failed",
        )


def _folds(models: Sequence[Mapping[str, Any]]) -> list[Fold]:
    return [
        Fold(str(one["held_out"]), int(one["repeat"]), figures_of(one["validation"]))
        for one in models
        if one.get("held_out")
    ]
