"""What trainings say of themselves in their files: runs, ensembles, models alone, and cross-validations.

Only what is small is read: no rows, and of a model its header.  Nothing that a file names is imported or run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import field, replace
from math import isfinite
from pathlib import Path
from typing import Any

from numbann.components.built_in import built_in
from numbann.data.contract import PARTS
from numbann.data.readers import format_of
from numbann.errors import UNUSABLE, RunDirectoryError, describe_damage, path_from
from numbann.model.file import KIND
from numbann.model.marks import is_export
from numbann.model.tensor_file import read_header
from numbann.records import dataclass
from numbann.spec.source import is_spec
from numbann.training.lock import find_owner
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

RUN, ENSEMBLE, ALONE, VALIDATION, SWEPT = "run", "ensemble", "model", "cross-validation", "sweep"
FINISHED, INTERRUPTED, FAILED, RUNNING = "finished", "interrupted", "failed", "running"
PLAIN = ("type", "units", "activation")  # keys of a spec whose values need no name
VALIDATED = {"folds", "mean", "deviation", "spec", "parameters"}  # the keys of a cross-validation
STATISTICS = (".norm.mean", ".norm.variance")  # the tensors of a model that are not trained

Figures = Mapping[str, float | None]  # loss and metrics by name; None for a number that is not finite


@dataclass(frozen=True)
class Fold:
    """A model of several: what tells the rows that it is measured by, with the repeat, and its figures on them."""

    held_out: str
    repeat: int
    figures: Figures


@dataclass(frozen=True, kw_only=True)
class Result:
    """A training: what was asked for, how far it is, what it is worth, and what it took.

    kind: "run", "ensemble", "model", "cross-validation", or "sweep", of which it is the best run.  metrics: by part; of
    a run that is not finished those of its best epoch so far, of a cross-validation the mean over the folds.  folds: of
    several models, those that were measured.  digests: of the data, none where the files do not say.  seconds: of
    training; size: of the model's file, in bytes; None for what the files do not say.
    """

    path: Path
    kind: str
    spec: Mapping[str, Any]
    state: str = FINISHED
    started: str | None = None
    metrics: Mapping[str, Figures] = field(default_factory=dict)
    deviation: Figures = field(default_factory=dict)
    folds: Sequence[Fold] = ()
    digests: Sequence[str] = ()
    epochs: int | None = None
    best_epoch: float | None = None
    seconds: float | None = None
    parameters: int | None = None
    size: int | None = None
    remark: str = ""

    @property
    def name(self) -> str:
        """The name of the directory or the file."""
        return self.path.resolve().name

    @property
    def task(self) -> str | None:
        """What is predicted: "classification", "multilabel" or "regression"; None of a sweep without a best run."""
        return str(self.spec["data"]["task"]) if self.spec else None

    @property
    def units(self) -> list[int] | None:
        """The units of the hidden layers; None of a sweep without a best run."""
        return [int(layer["units"]) for layer in self.spec["model"]["layers"]] if self.spec else None

    @property
    def metric(self) -> str:
        """The metric that it is known by: the first one that its validation or another part has, else the loss."""
        parts = [self.metrics[part] for part in ("validation", "test", "train") if part in self.metrics]
        return next((name for part in parts for name in part if name != "loss"), "loss")

    def to_json(self) -> dict[str, Any]:
        """Return everything but the spec as JSON values."""
        plain = ("state", "started", "epochs", "best_epoch", "seconds", "parameters", "size")
        return {
            "path": str(self.path),
            "kind": self.kind,
            "task": self.task,
            "units": self.units,
            **{name: getattr(self, name) for name in plain},
            "metrics": {part: dict(figures) for part, figures in self.metrics.items()},
            **({"deviation": dict(self.deviation)} if self.deviation else {}),
            **({"remark": self.remark} if self.remark else {}),
        }


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


def lower_is_better(name: str) -> bool:
    """Whether a loss or metric is to be small; one that numbann does not have is taken for one that is to be large."""
    bare = name.partition("(")[0]
    known = {entry.component.name: entry.component for entry in built_in().entries("metric")}
    return bare == "loss" or (bare in known and known[bare].traits["better"] == "lower")


def compact(value: Any) -> str:
    """Return a part of a spec in few words: of an object what is not off."""
    if isinstance(value, Mapping):
        said = {key: inner for key, inner in value.items() if inner not in (None, False, 0, "", "none")}
        plain = (compact(inner) if key in PLAIN else f"{key} {compact(inner)}" for key, inner in said.items())
        return ", ".join(plain)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# ---- runs


def _of_run(path: Path) -> Result:
    """Read a run directory; one of several models is an ensemble."""
    directory = open_existing(path)
    with reading(path / MANIFEST) as file:
        manifest = _object(file)
        started, finished, failed = (_text(manifest.get(key)) for key in ("started", "finished", "failed"))
        seconds = None if finished is None else _number(manifest["training_seconds"])
        digests = [str(one["sha256"]) for one in manifest["data"]]
    with reading(path / RESOLVED) as file:
        spec = _spec(_object(file))
    models = directory.models()
    histories = [_history(one) for one in models or [directory]]
    with reading(path / METRICS) as file:
        metrics = _object(file) if file.exists() else {}
        parts: dict[str, Figures] = {part: _figures(metrics[part]) for part in PARTS if part in metrics}
        folds = _folds(metrics.get("models", []))
        best = _number(metrics["best_epoch"]) if metrics else None
    with reading(path / HISTORY):
        done = sum(map(len, histories))
        if seconds is None:
            seconds = sum(_number(record["seconds"]) or 0.0 for history in histories for record in history)
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
        lower, started = manifest["better"] == "lower", _text(manifest["started"])
        asked = "" if manifest["trials"] is None else f" of {manifest['trials']}"
    with reading(path / TRIALS):
        rows = last_rungs(files.rows())
        best = best_of(rows, lower)
        seconds = sum(_number(row.get("seconds"), 0.0) for row in rows)
        figures = {} if best is None else {"validation": _figures(best["validation"])}
        course = (None, None) if best is None else (int(best["epochs"]), _number(best["best_epoch"]))
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
    best = min(history, key=lambda record: sign * _number(record[key], sign * float("inf")))
    parts = {
        part: _figures({name.removeprefix(f"{part}_"): best[name] for name in best if name.startswith(f"{part}_")})
        for part in ("train", "validation")
    }
    return _number(best["epoch"]), {part: figures for part, figures in parts.items() if figures}


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
        spec, several = _spec(metadata["spec"]), bool(metadata.get("models"))
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
        found = _object(file)
        if not found.keys() >= VALIDATED:
            raise RunDirectoryError(f"{path}: is no result of a cross-validation, which numbann cv SPEC --json prints")
        models = [one for one in found["folds"] if "error" not in one]
        return Result(
            path=path,
            kind=VALIDATION,
            spec=_spec(found["spec"]),
            metrics={"validation": _figures(found["mean"])},
            deviation=_figures(found["deviation"]),
            folds=_folds(models),
            epochs=sum(int(one["epochs"]) for one in models),
            best_epoch=sum(_number(one["best_epoch"]) for one in models) / len(models),
            seconds=sum(_number(one["seconds"]) for one in models),
            parameters=int(found["parameters"]),
            remark="" if len(models) == len(found["folds"]) else f"{len(found['folds']) - len(models)} models failed",
        )


def _folds(models: Sequence[Mapping[str, Any]]) -> list[Fold]:
    return [
        Fold(str(one["held_out"]), int(one["repeat"]), _figures(one["validation"]))
        for one in models
        if one.get("held_out")
    ]


# ---- values of files that may say anything


@contextmanager
def reading(path: Path) -> Iterator[Path]:
    """Turn an error about what a file says into one that names the file."""
    try:
        yield path
    except OSError as error:
        raise RunDirectoryError(f"{path}: cannot be read: {error.strerror}") from None
    except UNUSABLE as error:
        raise RunDirectoryError(f"{path}: is damaged: {describe_damage(error)}") from None


def _object(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_bytes())
    if not isinstance(found, dict):
        raise TypeError
    json.dumps(found, ensure_ascii=False).encode()  # a lone surrogate in a name is damage, too
    return found


def _spec(found: Any) -> dict[str, Any]:
    """Check that a resolved spec has what is asked of it."""
    task, layers = found["data"]["task"], found["model"]["layers"]
    if not isinstance(task, str) or not all(isinstance(layer["units"], int) for layer in layers):
        raise TypeError
    found["train"].get("select")
    return dict(found)


def _figures(found: Any) -> dict[str, float | None]:
    return {str(name): _number(value) for name, value in found.items()}


def _number(value: Any, otherwise: Any = None) -> Any:
    """Return a finite number, or what stands for none."""
    if value is None:
        return otherwise
    if type(value) not in (int, float) or not isfinite(value):
        raise TypeError
    return value


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError
    return value
