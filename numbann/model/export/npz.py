"""NPZ: the trained numbers for NumPy, and beside them the texts of `weights.description_of` as arrays of one text."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from numbann.model.export.weights import description_of, weights_of

if TYPE_CHECKING:
    from numbann.model.model import Model


def write(model: Model, dtype: str | None = None, name: str = "weights") -> dict[str, bytes]:
    """Return the content of the file by its ending."""
    content = io.BytesIO()
    texts: dict[str, Any] = {key: np.array(text) for key, text in description_of(model).items()}
    np.savez(content, **texts, **weights_of(model, dtype))
    return {".npz": content.getvalue()}
