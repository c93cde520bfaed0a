"""The model file: weights and everything else that prediction needs, as safetensors.

It stores the components' source code; reading the file runs none of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from numbann.errors import RunDirectoryError

FORMAT = 2
KEY = "numbann"
Tensors = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class ModelFile:
    """A model file: the resolved spec, the fitted preprocessing, the components' sources, the tensors."""

    spec: Mapping[str, Any]
    preprocessing: Mapping[str, Any]
    components: Sequence[Mapping[str, str]]
    tensors: Tensors

    def to_bytes(self) -> bytes:
        """Return the bytes of the file.

        Equal models give equal bytes: keys are sorted, there is no time stamp, and all metadata is under one key, since
        safetensors does not fix the order of several.
        """
        metadata = {
            "format": FORMAT,
            "spec": self.spec,
            "preprocessing": self.preprocessing,
            "components": self.components,
        }
        return save(dict(self.tensors), {KEY: json.dumps(metadata, sort_keys=True, ensure_ascii=False)})


def read_model(path: Path) -> ModelFile:
    """Read a model file; RunDirectoryError if it is missing, damaged or of another kind."""
    if path.is_dir():
        raise RunDirectoryError(f"{path}: is a directory, not a model file")
    try:
        metadata, tensors = read_tensors(path, KEY)
        return _model_file(metadata, tensors, path)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        cause = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise RunDirectoryError(
            f"{path}: not a numbann model, or a damaged one ({cause}); copy it again or train anew"
        ) from None


def read_tensors(path: Path, key: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read the JSON under a key of a safetensors file's metadata, and its tensors."""
    with safe_open(path, "np") as file:
        metadata = json.loads((file.metadata() or {})[key])
        return metadata, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _model_file(metadata: dict[str, Any], tensors: dict[str, np.ndarray], place: Path) -> ModelFile:
    """Build the model file from metadata and tensors; RunDirectoryError if its format is not FORMAT."""
    if metadata["format"] != FORMAT:
        raise RunDirectoryError(
            f"{place}: has format {metadata['format']}; this numbann reads format {FORMAT}; train anew"
        )
    return ModelFile(metadata["spec"], metadata["preprocessing"], metadata["components"], tensors)
