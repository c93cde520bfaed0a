"""The rows of a part of a run, read again from where its data lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from numbann.data.contract import GIVEN, PARTS, sources
from numbann.data.source import SplitData, load
from numbann.data.table import Raw
from numbann.errors import UNUSABLE, RunDirectoryError, describe_damage
from numbann.model.ensemble import from_units, in_units
from numbann.model.model import Model
from numbann.spec.model import to_json
from numbann.training.manifest import read_manifest
from numbann.training.rundir import MANIFEST, RESOLVED, open_existing


class PartRows(NamedTuple):
    """Rows as they were read, and the part that they are.

    outputs (N, O): of rows that an ensemble was trained on, what those of its models give that have not seen them.
    """

    part: str
    raw: Raw
    outputs: np.ndarray | None = None


def read_part(path: str | Path, model: Model, part: str | None = None) -> PartRows:
    """Read the rows of a part of a run, as its split has them.

    part: "train", "validation" or "test"; None for the last that there is.  The validation part of an ensemble are its
    training rows, out of fold.  RunDirectoryError if the data have changed since the run began, or were given in
    Python; DataError if they are gone.
    """
    directory = open_existing(path).path
    found, ensemble = _load(directory, model), model.resolved.spec.ensemble
    there = [
        name for name in PARTS if name in found.parts or (name == "validation" and ensemble and not ensemble.refit)
    ]
    if part is not None and part not in there:
        raise RunDirectoryError(f"{directory}: has no {part} part; it has {', '.join(there)}")
    name = part or there[-1]
    raw, rows = found.parts[name if name in found.parts else "train"]
    chosen = raw.take(np.arange(len(raw.table))[rows])
    if name in found.parts:
        return PartRows(name, chosen)
    return PartRows("train", chosen, _out_of_fold(model, chosen, found))


def _load(directory: Path, model: Model) -> SplitData:
    """Read and split the data again; RunDirectoryError unless they are the same."""
    section, spec = to_json(model.resolved.spec.data), model.resolved.spec
    section |= _place_of_data(directory / RESOLVED)
    if GIVEN in sources(section["path"]).values():
        raise RunDirectoryError(f"{directory}: its rows were given in Python, and are not kept")
    if spec.ensemble is not None:
        section["split"]["validation"] = 0.0  # folds take its place
    found = load(section, directory, spec.seed)
    stored = read_manifest(directory / MANIFEST)
    for number, (file, digest) in enumerate(found.facts.files):
        if stored.data[number : number + 1] != [digest]:
            raise RunDirectoryError(f"{file}: has changed since this run began")
    return found


def _out_of_fold(model: Model, raw: Raw, found: SplitData) -> np.ndarray:
    """Return for each row the mean outputs of the models that have left its fold out."""
    assert model.resolved.spec.ensemble is not None
    folds = found.folds(model.resolved.spec.ensemble.folds)
    total: Any = 0.0
    for number, one in enumerate(model.models):  # fold by fold, member by member
        rows = folds[number % len(folds)].validation
        values = in_units(one.resolved, one.preprocessing, one.outputs(one.preprocessing.inputs(raw.take(rows))))
        if number == 0:
            total = np.zeros((len(raw.table), values.shape[1]))
        total[rows] += values
    return from_units(model.resolved, model.preprocessing, total / (len(model.models) // len(folds)))


def _place_of_data(file: Path) -> dict[str, object]:
    """Return what a model does not keep: where the rows are, and in which format."""
    try:
        data = json.loads(file.read_bytes())["data"]
        return {"path": data["path"], "format": data["format"]}
    except OSError as error:
        raise RunDirectoryError(f"{file}: cannot be read: {error.strerror}") from None
    except UNUSABLE as error:
        raise RunDirectoryError(f"{file}: is damaged: {describe_damage(error)}") from None
