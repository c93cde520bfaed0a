"""The rows of a part of a run, read again from where its data lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numbann.data.contract import GIVEN, PARTS, sources
from numbann.data.source import load
from numbann.data.table import Raw
from numbann.errors import UNUSABLE, RunDirectoryError, describe_damage
from numbann.model.model import Model
from numbann.spec.model import to_json
from numbann.training.manifest import read_manifest
from numbann.training.rundir import MANIFEST, RESOLVED, open_existing


class PartRows(NamedTuple):
    """Rows as they were read, and the part that they are: the rows of some parts are in a file of their own."""

    part: str
    raw: Raw


def read_part(path: str | Path, model: Model, part: str | None = None) -> PartRows:
    """Read the rows of a part of a run, as its split has them.

    part: "train", "validation" or "test"; None for the last that there is.  RunDirectoryError if the data have changed
    since the run began, or were given in Python; DataError if they are gone.
    """
    directory = open_existing(path).path
    section = to_json(model.resolved.spec.data)
    section |= _place_of_data(directory / RESOLVED)
    if GIVEN in sources(section["path"]).values():
        raise RunDirectoryError(f"{directory}: its rows were given in Python, and are not kept")
    if model.resolved.spec.ensemble is not None:
        section["split"]["validation"] = 0.0  # folds take its place
    found = load(section, directory, model.resolved.spec.seed)
    stored = read_manifest(directory / MANIFEST)
    for number, (file, digest) in enumerate(found.facts.files):
        if stored.data[number : number + 1] != [digest]:
            raise RunDirectoryError(f"{file}: has changed since this run began")
    there = [name for name in PARTS if name in found.parts]
    if part is not None and part not in there:
        raise RunDirectoryError(f"{directory}: has no {part} part; it has {', '.join(there)}")
    name = part or there[-1]
    raw, rows = found.parts[name]
    return PartRows(name, raw.take(np.arange(len(raw.table))[rows]))


def _place_of_data(file: Path) -> dict[str, object]:
    """Return what a model does not keep: where the rows are, and in which format."""
    try:
        data = json.loads(file.read_bytes())["data"]
        return {"path": data["path"], "format": data["format"]}
    except OSError as error:
        raise RunDirectoryError(f"{file}: cannot be read: {error.strerror}") from None
    except UNUSABLE as error:
        raise RunDirectoryError(f"{file}: is damaged: {describe_damage(error)}") from None
