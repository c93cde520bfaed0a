"""What an engine gives, on any device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Engine = Any


class Snapshot(Protocol):
    """Parameters and states of an engine at one moment."""

    def parameters(self) -> Mapping[str, np.ndarray]:
        """As `Engine.parameters`."""

    def state(self) -> Mapping[str, np.ndarray]:
        """As `Engine.state`."""


@dataclass(frozen=True)
class LayerFacts:
    """A layer on some rows: da/dz (B, O), None if an output depends on all z; the gradient to w (I, O) and b (O,)."""

    slopes: np.ndarray | None
    dw: np.ndarray
    db: np.ndarray
