"""Safetensors: the trained numbers for any framework, with the texts of `weights.description_of` as metadata.

It is no model of numbann: that has the same tensors, and what it needs to predict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from safetensors.numpy import save

from numbann.model.export.weights import description_of, weights_of

if TYPE_CHECKING:
    from numbann.model.model import Model


def write(model: Model, dtype: str | None = None, name: str = "weights") -> dict[str, bytes]:
    """Return the content of the file by its ending."""
    return {".safetensors": save(weights_of(model, dtype), description_of(model))}
