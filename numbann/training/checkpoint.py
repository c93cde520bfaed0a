"""The checkpoint: a run's state as one safetensors file, and back.  It decides neither when nor where it is written."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save

from numbann.errors import RunDirectoryError
from numbann.modelfile import Weights, read_tensors
from numbann.training.state import State
from numbann.training.stopping import Best

FORMAT = 2
KEY = "numbann.checkpoint"


def to_bytes(state: State, spec_hash: str) -> bytes:
    """The state as a file; one metadata key, since the order of several is not fixed."""
    tensors = {**_named("weights", state.weights), **{f"engine.{name}": array for name, array in state.engine.items()}}
    if state.best_weights is not None:
        tensors |= _named("best", state.best_weights)
    metadata = {
        "format": FORMAT,
        "spec": spec_hash,
        "layers": len(state.weights),
        "history": list(state.history),
        "best": asdict(state.best),
        "keeps_best": state.best_weights is not None,
        "schedule": list(state.schedule),
    }
    return save(tensors, {KEY: json.dumps(metadata)})


def load_state(path: Path, spec_hash: str) -> State:
    """The state in a file; RunDirectoryError if it is missing, damaged or of another spec."""
    try:
        metadata, tensors = read_tensors(path, KEY)
        if metadata["format"] != FORMAT:
            raise RunDirectoryError(
                f"{path}: has format {metadata['format']}; this numbann reads format {FORMAT}; train anew"
            )
        if metadata["spec"] != spec_hash:
            raise RunDirectoryError(f"{path}: belongs to another spec than the one beside it; train anew")
        return _state(metadata, tensors)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise RunDirectoryError(f"{path}: {_cause(path, error)}") from None


def _state(metadata: dict[str, Any], tensors: dict[str, np.ndarray]) -> State:
    layers = metadata["layers"]
    return State(
        weights=_collected("weights", tensors, layers),
        engine={name.removeprefix("engine."): array for name, array in tensors.items() if name.startswith("engine.")},
        history=tuple(metadata["history"]),
        best=Best(**metadata["best"]),
        best_weights=_collected("best", tensors, layers) if metadata["keeps_best"] else None,
        schedule=tuple(metadata["schedule"]),
    )


def _named(prefix: str, weights: Weights) -> dict[str, np.ndarray]:
    tensors: dict[str, np.ndarray] = {}
    for k, (w, b) in enumerate(weights):
        tensors[f"{prefix}.{k}.w"], tensors[f"{prefix}.{k}.b"] = np.ascontiguousarray(w), np.ascontiguousarray(b)
    return tensors


def _collected(prefix: str, tensors: dict[str, np.ndarray], layers: int) -> Weights:
    return [(tensors[f"{prefix}.{k}.w"], tensors[f"{prefix}.{k}.b"]) for k in range(layers)]


def _cause(path: Path, error: Exception) -> str:
    if not path.exists():
        return "no checkpoint to go on from; train anew"
    if path.is_dir():
        return "is a directory, not a checkpoint"
    return f"damaged checkpoint ({error or type(error).__name__}); train anew"
