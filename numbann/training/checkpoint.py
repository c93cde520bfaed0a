"""The checkpoint: writes a run's state as one safetensors file, and reads it back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from numbann.engine.interface import Engine
from numbann.errors import RunDirectoryError
from numbann.fit.job import Job
from numbann.fit.state import NO_LOSSES, State
from numbann.fit.stopping import Best
from numbann.model import tensor_file
from numbann.model.tensor_file import Kind, Part, check_tensors, damaged, parse_tensors, read_tensors
from numbann.network.states import MEMORY, add_prefix, select_part
from numbann.records import dataclass
from numbann.training.checkpoint_metadata import check_metadata

KIND = Kind("checkpoint", "numbann.checkpoint", 4)


@dataclass(frozen=True)
class StoredSnapshot:
    """A snapshot of an engine that was read from a file."""

    tensors: dict[str, np.ndarray]
    states: dict[str, np.ndarray]

    def parameters(self) -> dict[str, np.ndarray]:
        """Return what `Engine.parameters` returned when the file was written."""
        return self.tensors

    def state(self) -> dict[str, np.ndarray]:
        """Return what `Engine.state` returned when the file was written."""
        return self.states


def to_parts(state: State, spec_hash: str) -> list[Part]:
    """Return the state as the parts of a file."""
    tensors = {**add_prefix("model", state.kept.parameters()), **add_prefix("engine", state.kept.state())}
    if state.best_kept is not None and not state.at_best:
        tensors |= add_prefix("best", state.best_kept.parameters())
    metadata = {
        "spec": spec_hash,
        "history": state.history,
        "best": asdict(state.best),
        "keeps_best": state.best_kept is not None,
        "schedule": list(state.schedule),
        "courses": {name: list(states) for name, states in state.courses.items()},
    }
    if len(state.losses):  # in the midst of an epoch
        tensors["losses"], metadata["seconds"] = state.losses, state.seconds
    return tensor_file.to_parts(tensors, KIND, metadata)


def load_state(path: Path, spec_hash: str, job: Job) -> State:
    """Read the state from a file; RunDirectoryError if it is missing, damaged, of another spec or not of this job."""
    if not path.exists():
        raise RunDirectoryError(f"{path}: no checkpoint to go on from; train anew")
    return _checked(path, *read_tensors(path, KIND), spec_hash, job)


def restored(engine: Engine, content: bytes, spec_hash: str, job: Job) -> State:
    """Set an engine to the state in the bytes of a checkpoint, and return it."""
    place = Path("checkpoint")
    state = _checked(place, *parse_tensors(content, place, KIND), spec_hash, job)
    restore(engine, state, place)
    return state


def _checked(path: Path, metadata: dict[str, Any], tensors: dict[str, np.ndarray], spec_hash: str, job: Job) -> State:
    """Return the state that was read, if it is of this spec and job."""
    if metadata.get("spec") != spec_hash:
        raise RunDirectoryError(f"{path}: belongs to another spec than the one beside it; train anew")
    try:
        check_metadata(metadata, job)
        return _state(metadata, tensors, job)
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, KIND, f"{type(error).__name__}: {error}") from None


def restore(engine: Engine, state: State, path: Path) -> None:
    """Set an engine to a state, from which it continues; RunDirectoryError if the state is not of such an engine."""
    try:
        _check_states(state.kept.state(), engine.state())
    except ValueError as error:
        raise damaged(path, KIND, str(error)) from None
    engine.set_parameters(state.kept.parameters())
    engine.restore(state.kept.state())


def _state(metadata: dict[str, Any], tensors: dict[str, np.ndarray], job: Job) -> State:
    """Build the state from checked metadata, and check its tensors."""
    plan, steps = job.plan, job.rates().steps
    kept = StoredSnapshot(select_part("model", tensors), select_part("engine", tensors))
    losses, history = tensors.get("losses", NO_LOSSES), metadata["history"]
    state = State(
        kept=kept,
        history=history,
        best=Best(**metadata["best"]),
        schedule=tuple(metadata["schedule"]),
        courses={name: tuple(states) for name, states in metadata.get("courses", {}).items()},
        losses=losses,
        seconds=metadata.get("seconds", 0.0),
    )
    best = kept if state.at_best else StoredSnapshot(select_part("best", tensors), {})
    state.best_kept = best if metadata["keeps_best"] else None
    for snapshot in (kept, state.best_kept):
        if snapshot is not None:
            check_tensors(snapshot.tensors, plan.tensors, plan.dtype)
    check_tensors({"losses": losses}, {"losses": (min(losses.size, steps),)}, "float64")
    check_tensors({"engine.steps": kept.states["steps"]}, {"engine.steps": (1,)}, "int64")
    if kept.states["steps"][0] != len(history) * steps + len(losses):
        raise ValueError(f"engine.steps: {kept.states['steps'][0]} are not those of {len(history)} epochs")
    return state


def _check_states(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Raise ValueError if states are not those of an engine.  Only a solver knows what its memory has to be."""
    named = {name: array for name, array in found.items() if not name.startswith(f"{MEMORY}.")}
    for name in sorted(named.keys() ^ expected.keys()):
        raise ValueError(f"the state {name} is {'missing' if name in expected else 'not of this optimizer'}")
    for name, array in named.items():
        wanted = expected[name]
        if (array.shape, array.dtype) != (wanted.shape, wanted.dtype):
            raise ValueError(
                f"{name} is {array.shape} of {array.dtype} where {wanted.shape} of {wanted.dtype} is needed"
            )
