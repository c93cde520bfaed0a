"""The trained numbers alone, for programs that compute by themselves: arrays by name, and what they are for as JSON.

What a name means stands in `numbann.network.chain`: `layers.0.weight` (I, O) and `layers.0.bias` (O,) of the first
layer, and so on; those of an ensemble begin with `models.0`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from numbann import __version__

if TYPE_CHECKING:
    from numbann.model.model import Model


def weights_of(model: Model, dtype: str | None) -> dict[str, Any]:
    """Return the arrays.  dtype: theirs, by default that of the model."""
    return {name: np.ascontiguousarray(one, dtype or one.dtype) for name, one in sorted(model.tensors.items())}


def description_of(model: Model) -> dict[str, str]:
    """Return texts of JSON: the version, what goes in and comes out, the layers, and the fitted preprocessing."""
    told = {
        "numbann_version": __version__,
        "schema": model.schema,
        "model": model.file.spec["model"],
        "preprocessing": model.preprocessing.to_dict(),
    }
    return {key: one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for key, one in told.items()}
