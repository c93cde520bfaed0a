"""The model file: weights and everything else that prediction needs, as safetensors.

It stores the components' source code; reading the file runs none of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numbann.model.provenance import are_records
from numbann.model.tensor_file import Kind, Part, Tensors, damaged, read_tensors, to_parts

KIND = Kind("model", "numbann", 3)


@dataclass(frozen=True)
class ModelFile:
    """A model file: the resolved spec, the fitted preprocessing, the components' sources, the tensors.

    models: of an ensemble, what each model has of its own in the preprocessing.
    """

    spec: Mapping[str, Any]
    preprocessing: Mapping[str, Any]
    components: Sequence[Mapping[str, str]]
    tensors: Tensors
    models: Sequence[Mapping[str, Any]] = ()

    def to_parts(self) -> list[Part]:
        """Return the parts of the file; equal models give equal bytes."""
        metadata = {"spec": self.spec, "preprocessing": self.preprocessing, "components": self.components}
        several = {"models": list(self.models)} if self.models else {}
        return to_parts(self.tensors, KIND, {**metadata, **several}, sort=True)


def read_model(path: Path) -> ModelFile:
    """Read a model file; RunDirectoryError if it is missing, damaged or of another kind."""
    metadata, tensors = read_tensors(path, KIND)
    fault = _fault(metadata)
    if fault:
        raise damaged(path, KIND, fault)
    spec, preprocessing, components = (metadata[key] for key in ("spec", "preprocessing", "components"))
    return ModelFile(spec, preprocessing, components, tensors, metadata.get("models", ()))


def _fault(metadata: Mapping[str, Any]) -> str:
    """Return what is wrong with the metadata's own keys; empty if nothing is."""
    for key in ("spec", "preprocessing"):
        if not isinstance(metadata.get(key), dict):
            return f"its {key} is missing or no object"
    models = metadata.get("models", [])
    if not isinstance(models, list) or not all(isinstance(one, dict) for one in models):
        return "its models are no list of objects"
    return "" if are_records(metadata.get("components"), "source") else "its components are no list of records"
