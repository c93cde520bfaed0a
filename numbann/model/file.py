"""The model file: weights and everything else that prediction needs, as safetensors.

It stores the components' source code; reading the file runs none of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numbann.errors import UNUSABLE, RegistryError, RunDirectoryError, SpecError
from numbann.model.provenance import are_records
from numbann.model.tensor_file import Kind, Part, Tensors, damaged, read_tensors, to_parts
from numbann.records import dataclass

NAME = "model.safetensors"  # in a run directory
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


@contextmanager
def usable(place: Path) -> Iterator[None]:
    """RunDirectoryError for a file of a model that cannot be used, whatever it says."""
    try:
        yield
    except (SpecError, RegistryError) as error:
        raise RunDirectoryError(f"{place}: its spec cannot be used here or is damaged: {error}") from None
    except UNUSABLE as error:
        raise damaged(place, KIND, f"{type(error).__name__}: {error}") from None


def file_of(path: Path) -> Path:
    """Return the model file of a path; RunDirectoryError if there is none."""
    if not path.exists():
        raise RunDirectoryError(f"{path}: no such run directory or model file")
    if path.is_dir() and not (path / NAME).exists():
        best = path / "best"  # of a sweep
        hint = (
            f"name that in it: {best}"
            if (best / NAME).is_file()
            else f"if its run was interrupted: numbann resume {path}"
        )
        raise RunDirectoryError(f"{path}: holds no {NAME}; {hint}")
    return path / NAME if path.is_dir() else path
