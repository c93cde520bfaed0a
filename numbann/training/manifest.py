"""The manifest of a run: versions, machine, hashes of data and components, and timings.  A resume is checked by it."""

from __future__ import annotations

import hashlib
import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numbann
from numbann.engine.interface import Engine
from numbann.errors import UNUSABLE, RunDirectoryError, describe_damage
from numbann.model.provenance import Record, are_records, components_of, verify
from numbann.records import dataclass
from numbann.training.preparation import Prepared
from numbann.versions import version_of

PACKAGES = ("numba", "llvmlite", "numpy")
FORMAT = 3
FREE = (
    "epochs",
    "device",
    "threads",
    "diagnostics",
    "checkpoint_seconds",
)  # keys of train that a resume may change: they affect no step


def manifest(
    prepared: Prepared,
    engine: Engine,
    started: datetime,
    compile_seconds: float,
    training_seconds: float | None = None,
) -> dict[str, Any]:
    """Return the manifest as JSON values.  training_seconds: None while the run is not complete."""
    complete = training_seconds is not None
    return {
        "format": FORMAT,
        "versions": {
            "numbann": numbann.__version__,
            "python": platform.python_version(),
            **{name: version_of(name) for name in (*PACKAGES, *engine.packages)},
        },
        "machine": {
            "system": platform.platform(),
            "cpu": _cpu(),
            "device": engine.device,
            "threads": engine.threads,
            **({"ranks": engine.ranks} if engine.ranks > 1 else {}),
            **({"gpu": engine.gpu} if engine.gpu else {}),
        },
        "data": [{"path": str(path), "sha256": digest} for path, digest in prepared.facts.files],
        "findings": [finding._asdict() for finding in prepared.facts.findings],
        "components": [{key: record[key] for key in record if key != "source"} for record in prepared.components],
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds") if complete else None,
        "failed": None,
        "compile_seconds": round(compile_seconds, 3),
        "training_seconds": training_seconds and round(training_seconds, 6),
    }


def identity(prepared: Prepared) -> str:
    """Return the hash of everything in a spec that determines the steps of training; a checkpoint stores it.

    The locations of data and plugins do not count: their content is verified instead; nor do callbacks.  A key that is
    off counts as absent, so that a new key in a later version changes no hash.
    """
    spec = prepared.resolved.to_json()
    free = [key for key in FREE if key != "epochs" or not prepared.job.look_ahead]
    spec["train"] = {key: value for key, value in spec["train"].items() if key not in free}
    del spec["data"]["path"], spec["plugins"], spec["callbacks"]
    return hashlib.sha256(json.dumps(_drop_unset(spec), sort_keys=True).encode()).hexdigest()


def _drop_unset(value: Any) -> Any:
    """Return a value of a spec without keys that are null, false, zero or empty."""
    if isinstance(value, dict):
        return {key: _drop_unset(inner) for key, inner in value.items() if inner not in (None, False, [], {})}
    return [_drop_unset(inner) for inner in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Stored:
    """What a manifest says: the hashes of the data, the components' records, and whether the run is complete."""

    data: list[str]
    components: list[Record]
    complete: bool


def read_manifest(path: Path) -> Stored:
    """Read a manifest; RunDirectoryError if it is damaged or has another format."""
    try:
        stored = json.loads(path.read_bytes())
        found, data = stored.get("format"), [record["sha256"] for record in stored["data"]]
        components, complete = stored["components"], stored["finished"] is not None
    except OSError as error:
        raise RunDirectoryError(f"{path}: cannot be read: {error.strerror}") from None
    except UNUSABLE as error:
        raise RunDirectoryError(f"{path}: is damaged: {describe_damage(error)}; train anew") from None
    if found != FORMAT:
        raise RunDirectoryError(f"{path}: has format {found!a}; this numbann goes on with format {FORMAT}; train anew")
    if not are_records(components):
        raise RunDirectoryError(f"{path}: is damaged: its components are no list of records; train anew")
    return Stored(data, components, complete)


def verify_unchanged(stored: Stored, prepared: Prepared, place: Path) -> None:
    """Raise RunDirectoryError if data or components have changed since the run in a directory began."""
    for number, (file, digest) in enumerate(prepared.facts.files):  # wherever the files lie now
        if stored.data[number : number + 1] != [digest]:
            raise RunDirectoryError(f"{file}: has changed since this run began; bring the old file back, or train anew")
    remedy = "go on with the unchanged code: --plugin FILE (plugins=[FILE])"
    verify(stored.components, components_of(prepared.resolved), str(place), remedy)


def _cpu() -> str:
    """Return the processor's name, if the system reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
