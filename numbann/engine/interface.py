"""What an engine gives, on any device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LayerFacts:
    """A layer on some rows: da/dz (B, O), None if an output depends on all z; the gradient to w (I, O) and b (O,)."""

    slopes: np.ndarray | None
    dw: np.ndarray
    db: np.ndarray
