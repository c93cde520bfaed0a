"""The checkpoint: writes a run's state as one safetensors file, and reads it back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from numbann.engine.interface import Engine
from numbann.errors import RunDirectoryError
from numbann.fit.state import State
from numbann.fit.stopping import Best
from numbann.model import tensor_file
from numbann.model.tensor_file import Kind, damaged, read_tensors
from numbann.network.states import add_prefix, select_part

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


def to_bytes(state: State, spec_hash: str) -> bytes:
    """Return the state as the bytes of a file."""
    tensors = {**add_prefix("model", state.kept.parameters()), **add_prefix("engine", state.kept.state())}
    if state.best_kept is not None:
        tensors |= add_prefix("best", state.best_kept.parameters())
    metadata = {
        "spec": spec_hash,
        "history": state.history,
        "best": asdict(state.best),
        "keeps_best": state.best_kept is not None,
        "schedule": list(state.schedule),
    }
    return tensor_file.to_bytes(tensors, KIND, metadata)


def load_state(path: Path, spec_hash: str) -> State:
    """Read the state from a file; RunDirectoryError if it is missing, damaged or of another spec."""
    if not path.exists():
        raise RunDirectoryError(f"{path}: no checkpoint to go on from; train anew")
    metadata, tensors = read_tensors(path, KIND)
    if metadata.get("spec") != spec_hash:
        raise RunDirectoryError(f"{path}: belongs to another spec than the one beside it; train anew")
    try:
        return _state(metadata, tensors)
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, KIND, f"{type(error).__name__}: {error}") from None


def restore(engine: Engine, state: State) -> None:
    """Set an engine to a state, from which it continues."""
    engine.set_parameters(state.kept.parameters())
    engine.restore(state.kept.state())


def _state(metadata: dict[str, Any], tensors: dict[str, np.ndarray]) -> State:
    return State(
        kept=StoredSnapshot(select_part("model", tensors), select_part("engine", tensors)),
        history=list(metadata["history"]),
        best=Best(**metadata["best"]),
        best_kept=StoredSnapshot(select_part("best", tensors), {}) if metadata["keeps_best"] else None,
        schedule=tuple(metadata["schedule"]),
    )
